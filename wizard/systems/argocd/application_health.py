"""Whether Argo CD judges the health of Applications, which orders two of them.

Waves order two Applications only if their parent waits until the first one is healthy. Argo CD
removed that health check in version 1.8; argocd-cm restores it. It concerns all Applications of an
Argo CD, so its admin adds it, never the wizard. Source: facts on Argo CD (Order); Argo CD's
documentation of `resource.customizations` (wildcards only there).
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Ref
from wizard.deliveries.argocd.manifests import HEALTH_KEY
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.argocd.steps import APPLICATION_HEALTH
from wizard.engine.probes import (
    ProbeResult,
    pass_result,
    unknown_result,
    warn_result,
)
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import Fix, WizardError
from wizard.formats.yaml_reader import read_mapping
from wizard.systems.argocd.controller import look_at_controller, name_controller
from wizard.systems.cluster.object_removal import read_object
from wizard.systems.cluster.objects import explain_error

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.systems.target import Target

_CONFIG = "argocd-cm"
_ALL, _KIND = "resource.customizations", "argoproj.io/Application"
_FIX = Fix(
    f"ask Argo CD's admin to add key `{HEALTH_KEY}` to {_CONFIG} as the runbook shows; or use one "
    "Application: airflow-wizard set delivery.argocd.applications=one",
    "delivery.argocd.applications",
)


def build_health_step(target: Target) -> Step:
    """Return the check of the platform's setting; the run goes on without it."""
    kube, namespace = target.argocd, argocd_answers(target.answers.delivery).namespace

    def look(at: Kube) -> StepStatus:
        try:
            result = check_application_health(at, namespace)
        except KubeError as error:
            raise explain_error(error) from None
        holds = result.status == "pass"
        return StepStatus("holds" if holds else "unknown", result.detail, result.fix)

    return declared_step(
        APPLICATION_HEALTH, name_controller(kube), lambda: look_at_controller(kube, look)
    )


def check_application_health(kube: Kube, namespace: str) -> ProbeResult:
    """Check that argocd-cm of this namespace has a health check of Applications.

    Raises KubeError if it cannot be read for another reason than missing rights.
    """
    try:
        config = read_object(kube, Ref("v1", "ConfigMap", _CONFIG, namespace)) or {}
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return unknown_result(
            f"no permission to read ConfigMap {namespace}/{_CONFIG}, which decides whether Argo CD "
            "orders the two Applications"
        )
    if _has_health_check(config.get("data") or {}):
        return pass_result("Argo CD waits until the Secrets' Application is healthy")
    return warn_result(
        "Argo CD does not judge the health of Applications, so nothing in Git orders the two: both "
        "sync at once, and pods wait until their Secrets exist",
        _FIX,
    )


def _has_health_check(data: Mapping[str, Any]) -> bool:
    if str(data.get(HEALTH_KEY) or "").strip():
        return True
    try:
        kinds = read_mapping(str(data.get(_ALL) or "{}"), _ALL)
    except WizardError:
        return False
    return any(
        fnmatchcase(_KIND, str(pattern)) and isinstance(entry, dict) and entry.get("health.lua")
        for pattern, entry in kinds.items()
    )
