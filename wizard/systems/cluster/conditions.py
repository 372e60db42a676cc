"""Read conditions and events of objects, and turn them into a step status."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import StepStatus
from wizard.errors import Fix, to_fix
from wizard.systems.cluster.diagnosis import REFUSAL_RULES, Diagnosis, diagnose

if TYPE_CHECKING:
    from wizard.manifests.release import Release


def list_warnings(kube: Kube, namespace: str, *objects: tuple[str, str]) -> list[str]:
    """Return the warnings about objects (kind and name), newest first.

    Without objects, return the warnings about pods that could not be created. Empty if events
    cannot be read, since they only add an explanation.
    """
    warnings = [one for one in _list_events(kube, namespace) if one.get("type") == "Warning"]
    if objects:
        warnings = [one for one in warnings if _involved_object(one) in objects]
    else:
        warnings = [one for one in warnings if one.get("reason") == "FailedCreate"]
    return [str(one.get("message") or "") for one in warnings]


def find_last_event(
    kube: Kube, namespace: str, about: tuple[str, str], reasons: Collection[str]
) -> tuple[str, str] | None:
    """Return reason and message of the newest event with one of `reasons` about an object.

    None if there is none (Kubernetes keeps events for an hour), or if events cannot be read.
    """
    for one in _list_events(kube, namespace):
        if _involved_object(one) == about and one.get("reason") in reasons:
            return str(one["reason"]), str(one.get("message") or "")
    return None


def _list_events(kube: Kube, namespace: str) -> list[KubeObject]:
    """Return the events of a namespace, newest first; empty if they cannot be read."""
    try:
        # Events of cluster-scoped objects are in `default`.
        found = list(kube.find("v1", "Event", namespace or "default"))
    except KubeError:
        return []
    return sorted(found, key=_event_time, reverse=True)


def _involved_object(event: KubeObject) -> tuple[str, str]:
    about = event.get("involvedObject") or {}
    return str(about.get("kind") or ""), str(about.get("name") or "")


def _event_time(event: KubeObject) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def condition(found: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return the object's condition of this type; empty if there is none."""
    listed = (found.get("status") or {}).get("conditions") or []
    return next((one for one in listed if one.get("type") == kind), {})


def diagnose_namespace(kube: Kube, name: str) -> Diagnosis | None:
    """Return why a namespace is terminating; None if it is not, or cannot be read."""
    try:
        found = kube.get(Ref("v1", "Namespace", name))
    except KubeError:
        return None
    if not found or (found.get("status") or {}).get("phase") != "Terminating":
        return None
    remaining = condition(found, "NamespaceFinalizersRemaining") or condition(
        found, "NamespaceContentRemaining"
    )
    return diagnose(
        [f"namespace {name} is terminating: {remaining.get('message', '')}"], REFUSAL_RULES
    )


def delivery_hint(release: Release) -> str:
    """Return a hint on where to look for missing objects: the tool that delivers them."""
    return "see the sync in Argo CD" if release.gitops else "see the previous steps"


def wait_status(detail: str, found: Diagnosis | None, fix: Fix | str) -> StepStatus:
    """Return `wanted` with the cause and fix of the diagnosis; without a diagnosis, with `fix`."""
    if found is None:
        return StepStatus("wanted", detail, to_fix(fix))
    return StepStatus(
        "wanted", f"{detail}: {found.cause}" if detail else found.cause, found.fix or to_fix(fix)
    )
