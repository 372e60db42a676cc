"""Check the installation's Applications in Argo CD: synced, healthy, at the planned files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.deliveries.argocd.manifests import API_VERSION
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.shell import quote
from wizard.systems.cluster.conditions import wait_status
from wizard.systems.cluster.diagnosis import (
    APPLICATION_RULES,
    REFUSAL_RULES,
    Diagnosis,
    diagnose,
    sanitize_message,
)

if TYPE_CHECKING:
    from wizard.systems.cluster.external_secrets import FallbackDiagnosis
    from wizard.systems.target import Target

_SUCCEEDED, _OVER = "Succeeded", ("Failed", "Error")
_ENDED_BADLY = (*_OVER, "Terminating")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def has_parent(target: Target) -> bool:
    """Return whether a parent Application delivers the others."""
    return "argocd/bootstrap/parent" in target.files


def application_names(target: Target) -> tuple[str, ...]:
    """Return the names of the Applications, the parent first."""
    name = target.release.installation
    if has_parent(target):
        return (f"{name}-parent", f"{name}-secrets", name)
    return (name,)


def check_applications(kube: Kube, target: Target, otherwise: FallbackDiagnosis) -> StepStatus:
    """Check that all Applications are synced and healthy.

    `otherwise` explains a fault that Argo CD does not explain.
    """
    found = _read_applications(kube, target)
    for name, application in found.items():
        look = _check_application(name, application, target, otherwise)
        if look.state != "holds":
            return look
    detail = "; ".join(f"{name}: Synced, Healthy" for name in found)
    return StepStatus(
        "holds", detail + _describe_revision(found[application_names(target)[-1]], target)
    )


def diagnose_applications(kube: Kube | None, target: Target) -> Diagnosis | None:
    """Return Argo CD's reason why objects are missing in the cluster; None if there is none."""
    if kube is None:
        return None
    try:
        found = _read_applications(kube, target)
    except KubeError:
        return None
    for name, application in found.items():
        why = diagnose(_failure_messages(application), APPLICATION_RULES, REFUSAL_RULES)
        if why:
            return Diagnosis(f"Application {name}: {why.cause}", why.fix)
        if application is None:
            return Diagnosis(
                f"Application {name} does not exist yet", Fix("see argocd.application")
            )
    return None


def find_job_evidence(kube: Kube | None, target: Target) -> str:
    """Return what shows that the chart's Jobs succeeded: they are hooks of the last operation."""
    if kube is None:
        return ""
    name = application_names(target)[-1]
    namespace = argocd_answers(target.answers.delivery).namespace
    try:
        found = kube.get(Ref(API_VERSION, "Application", name, namespace))
    except KubeError:
        return ""
    last = _operation(found)
    # A sync of selected resources runs no hooks.
    selected = ((last.get("operation") or {}).get("sync") or {}).get("resources")
    succeeded = last.get("phase") == _SUCCEEDED and not selected
    return f"the last operation succeeded in Application {name}" if succeeded else ""


def _operation(application: KubeObject | None) -> Mapping[str, Any]:
    """Return the state of the last operation, a sync with its hooks; empty if there was none."""
    return ((application or {}).get("status") or {}).get("operationState") or {}


def _read_applications(kube: Kube, target: Target) -> dict[str, KubeObject | None]:
    namespace = argocd_answers(target.answers.delivery).namespace
    return {
        name: kube.get(Ref(API_VERSION, "Application", name, namespace))
        for name in application_names(target)
    }


def _check_application(
    name: str, application: KubeObject | None, target: Target, otherwise: FallbackDiagnosis
) -> StepStatus:
    if application is None:
        return StepStatus(
            "wanted", f"Application {name} does not exist yet", Fix("see argocd.application")
        )
    namespace = argocd_answers(target.answers.delivery).namespace
    describe = f"kubectl -n {namespace} describe application {name}"
    status = application.get("status") or {}
    sync = str((status.get("sync") or {}).get("status") or "not compared yet")
    health = str((status.get("health") or {}).get("status") or "no health yet")
    operation = _operation(application)
    phase = str(operation.get("phase") or "")
    why = diagnose(_failure_messages(application), APPLICATION_RULES, REFUSAL_RULES)
    errors = _errors(status)
    # Hooks count neither for Synced nor for Healthy: only the operation tells that one failed.
    if (sync, health) == ("Synced", "Healthy") and not errors and phase in ("", _SUCCEEDED):
        behind = _explain_stale(status, target)
        if behind:
            refresh = Fix(f"argocd app get {_address(application)} --refresh")
            return StepStatus("wanted", f"{name}: {behind}", refresh)
        return StepStatus("holds")
    shown = f"{name}: {sanitize_message(sync)}, {sanitize_message(health)}"
    if phase and (phase != _SUCCEEDED or not why):
        message = operation.get("message")
        shown += f"; {sanitize_message(phase)}" + (
            f": {sanitize_message(message)}" if message and not why else ""
        )
    if errors and not why:
        shown += f"; {sanitize_message(errors[0])}"
    hook = None if why else _diagnose_hook(operation)
    look = wait_status(shown, why or hook or otherwise(), describe)
    is_synced = (sync, health) == ("Synced", "Healthy")
    if phase not in _ENDED_BADLY or not (is_synced or hook):
        return look
    again = Fix(f"{look.fix}, then argocd app sync {_address(application)}", look.fix.question)
    is_stuck = is_synced and not errors and _is_last_operation(application, target)
    return replace(look, fix=again, is_stuck=is_stuck)


def _is_last_operation(application: KubeObject, target: Target) -> bool:
    """Return whether no further operation follows one that failed, unless somebody starts it.

    Argo CD's automated sync does nothing while an Application is Synced, and an operation is Failed
    only after its last retry. The comparison must be with the planned files, because a new commit
    may start a sync. Source: Argo CD, automated sync semantics.
    """
    if _operation(application).get("phase") not in _OVER or application.get("operation"):
        return False
    spec, status = application.get("spec") or {}, application.get("status") or {}
    compared = (status.get("sync") or {}).get("comparedTo") or {}
    field = "sources" if spec.get("sources") else "source"
    if compared.get(field) != spec.get(field) or _explain_stale(status, target):
        return False
    return not target.emitted or _is_known_commit(target, _revision(status, target))


def _address(application: KubeObject) -> str:
    """Return an Application as Argo CD's command names it: outside its namespace with the place."""
    about, status = application["metadata"], application.get("status") or {}
    name, namespace = quote(str(about["name"])), quote(str(about.get("namespace") or ""))
    controller = status.get("controllerNamespace")
    return f"{namespace}/{name}" if controller and controller != namespace else name


def _diagnose_hook(operation: Mapping[str, Any]) -> Diagnosis | None:
    """Return which hook of the last operation failed, and where its log is; None if none did."""
    if operation.get("phase") not in _ENDED_BADLY:
        return None
    for one in (operation.get("syncResult") or {}).get("resources") or []:
        if one.get("hookPhase") not in _ENDED_BADLY:
            continue
        kind, hook = str(one.get("kind") or ""), str(one.get("name") or "")
        look = quote(f"{kind.lower()}/{hook}")
        return Diagnosis(
            f"hook {sanitize_message(kind)} {sanitize_message(hook)} failed: "
            f"{sanitize_message(one.get('message'))}",
            Fix(f"kubectl -n {quote(str(one.get('namespace') or ''))} logs {look}"),
        )
    return None


def _errors(status: Mapping[str, Any]) -> list[str]:
    """Return the messages of error conditions; warnings do not count."""
    return [
        str(one.get("message") or "")
        for one in status.get("conditions") or []
        if str(one.get("type") or "").endswith("Error")
    ]


def _failure_messages(application: KubeObject | None) -> list[str]:
    """Return all messages that may name the cause: of conditions, operation and its resources."""
    status = (application or {}).get("status") or {}
    operation = _operation(application)
    if operation.get("phase") == _SUCCEEDED:
        return _errors(status)
    resources = (operation.get("syncResult") or {}).get("resources") or []
    failed = [str(one.get("message") or "") for one in resources if one.get("status") in _FAILED]
    return [*_errors(status), *failed, str(operation.get("message") or "")]


_FAILED = ("SyncFailed", "PruneFailed")


def _revision(status: Mapping[str, Any], target: Target) -> str:
    """Return the config repository's commit that Argo CD compares against; empty if unknown."""
    sync = status.get("sync") or {}
    compared = sync.get("comparedTo") or {}
    url = argocd_answers(target.answers.delivery).repo_url
    sources = compared.get("sources") or []
    revisions = sync.get("revisions") or []
    for source, revision in zip(sources, revisions, strict=False):
        if source.get("repoURL") == url:
            return str(revision)
    return str(sync.get("revision") or "")


def _explain_stale(status: Mapping[str, Any], target: Target) -> str:
    """Return why the status is from an earlier commit; empty if it is current or unknown."""
    revision = _revision(status, target)
    if not target.emitted or not _is_known_commit(target, revision):
        return ""
    committed = target.repository.read_many(target.emitted, revision)
    if all(committed[path] == data for path, data in target.emitted.items()):
        return ""
    return (
        f"Synced with {revision[:8]}, without the planned files; Argo CD checks every few minutes"
    )


def _is_known_commit(target: Target, revision: str) -> bool:
    if not _COMMIT.fullmatch(revision):
        return False
    found = target.repository.objects([revision])[0]
    return found is not None and found[0] == "commit"


def _describe_revision(application: KubeObject | None, target: Target) -> str:
    revision = _revision((application or {}).get("status") or {}, target)
    if not _COMMIT.fullmatch(revision):
        return ""
    known = _is_known_commit(target, revision)
    return f" at {revision[:8]}" + ("" if known else ", which this clone does not have")
