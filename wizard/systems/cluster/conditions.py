"""What objects in a cluster say of themselves: conditions, events, and the look they come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import StepStatus
from wizard.errors import Fix, to_fix
from wizard.systems.cluster.diagnosis import REFUSAL_RULES, Diagnosis, diagnose

if TYPE_CHECKING:
    from wizard.manifests.release import Release


def list_warnings(kube: Kube, namespace: str, *objects: tuple[str, str]) -> list[str]:
    """Warnings about objects (kind and name), the newest first; without any, pods not created.

    Empty where events may not be read: they only explain.
    """
    try:
        # Those of cluster-wide objects are kept in `default`.
        found = kube.find("v1", "Event", namespace or "default")
    except KubeError:
        return []
    warnings = [one for one in found if one.get("type") == "Warning"]
    if objects:
        warnings = [one for one in warnings if _involved_object(one) in objects]
    else:
        warnings = [one for one in warnings if one.get("reason") == "FailedCreate"]
    warnings.sort(key=_event_time, reverse=True)
    return [str(one.get("message") or "") for one in warnings]


def _involved_object(event: KubeObject) -> tuple[str, str]:
    about = event.get("involvedObject") or {}
    return str(about.get("kind") or ""), str(about.get("name") or "")


def _event_time(event: KubeObject) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def condition(found: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """One of the object's conditions; empty when it has none of this type."""
    listed = (found.get("status") or {}).get("conditions") or []
    return next((one for one in listed if one.get("type") == kind), {})


def diagnose_namespace(kube: Kube, name: str) -> Diagnosis | None:
    """A namespace that is going away takes nothing new."""
    try:
        found = kube.get(Ref("v1", "Namespace", name))
    except KubeError:
        return None
    if not found or (found.get("status") or {}).get("phase") != "Terminating":
        return None
    left = condition(found, "NamespaceFinalizersRemaining") or condition(
        found, "NamespaceContentRemaining"
    )
    return diagnose([f"namespace {name} is terminating: {left.get('message', '')}"], REFUSAL_RULES)


def delivery_hint(release: Release) -> str:
    """Where to look for what has not arrived: at whatever brings it."""
    return "see the sync of Argo CD" if release.gitops else "see the steps before"


def wait_status(detail: str, found: Diagnosis | None, fix: Fix | str) -> StepStatus:
    """A look that is not there yet, with what is known about why."""
    if found is None:
        return StepStatus("wanted", detail, to_fix(fix))
    return StepStatus(
        "wanted", f"{detail}: {found.cause}" if detail else found.cause, found.fix or to_fix(fix)
    )
