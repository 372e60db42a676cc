"""The steps for objects that Argo CD does not sync: guard, known hosts, project, Application.

Argo CD syncs everything else from the repository. Source: facts on Argo CD (least privilege, known
hosts are appended, repository Secrets by label).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.protocol import Ref
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.argocd.steps import application_step, project_step
from wizard.errors import WizardError
from wizard.systems.argocd import application_health, credential, hub, known_hosts, store_credential
from wizard.systems.argocd.application import application_names, has_parent
from wizard.systems.argocd.existing_project import build_existing_project_step
from wizard.systems.argocd.overwrites import build_overwrites_step, guard_application_step
from wizard.systems.cluster import admission_guard
from wizard.systems.cluster.objects import CommittedManifest, build_manifests_step

if TYPE_CHECKING:
    from wizard.engine.steps import Step
    from wizard.systems.target import Target

_NEEDS = "install Argo CD there, or name the context of the cluster it runs in"


def build_argocd_steps(target: Target) -> tuple[Step, ...]:
    """Return the delivery's steps in order, without its waits."""
    guard = guard_manifests(target)
    found = [] if target.release.controller_is_inside else [hub.build_hub_step(target)]
    found += [admission_guard.build_guard_step(target, guard)] if guard else []
    found += known_hosts.build_known_hosts_steps(target)
    if store_credential.has_store_credential(target):
        found += store_credential.build_store_credential_steps(target)
    else:
        found.append(credential.build_credential_step(target))
    if has_parent(target):
        found.append(application_health.build_health_step(target))
    found += [_build_project_step(target), _build_application_step(target)]
    return tuple(found)


def _build_project_step(target: Target) -> Step:
    argo = argocd_answers(target.answers.delivery)
    if argo.uses_existing_project:
        return build_existing_project_step(target)
    sources = project_manifests(target)
    return build_manifests_step(
        target,
        project_step(argo),
        target.argocd,
        sources,
        needs=_NEEDS,
    )


def _build_application_step(target: Target) -> Step:
    """Return the step for the Application, or for the parent if there are several Applications."""
    first = application_manifests(target)[0]
    title = application_names(target)[0]
    step = build_manifests_step(
        target,
        application_step(title),
        target.argocd,
        [first],
        needs=_NEEDS,
    )
    return guard_application_step(target, step, Ref.from_manifest(first.manifest()))


def build_push_checks(target: Target) -> tuple[Step, ...]:
    """Return the steps that look before the files reach the branch that Argo CD follows."""
    application = Ref.from_manifest(application_manifests(target)[0].manifest())
    step = build_overwrites_step(target, application)
    return () if step is None else (step,)


def guard_manifests(target: Target) -> list[CommittedManifest]:
    """Return the admission policy and its binding, in the order in which they are applied."""
    found = [
        _read_manifest(target, f"argocd/bootstrap/{name}", (kind,), "")
        for name, kind in admission_guard.FILES.items()
        if f"argocd/bootstrap/{name}" in target.files
    ]
    return admission_guard.sort_guard_manifests(found)


def project_manifests(target: Target) -> list[CommittedManifest]:
    """Return the AppProjects, that of the parent first."""
    namespace = argocd_answers(target.answers.delivery).namespace
    names = ("argocd/bootstrap/project", "argocd/project")
    return [
        _read_manifest(target, name, ("AppProject",), namespace)
        for name in names
        if name in target.files
    ]


def application_manifests(target: Target) -> list[CommittedManifest]:
    """Return the Application that `apply` creates, then those that Argo CD creates from it."""
    namespace = argocd_answers(target.answers.delivery).namespace
    names = ["argocd/application"]
    if has_parent(target):
        names = ["argocd/bootstrap/parent", *names, "argocd/secrets-application"]
    return [_read_manifest(target, name, ("Application",), namespace) for name in names]


def _read_manifest(
    target: Target, logical: str, kinds: tuple[str, ...], namespace: str
) -> CommittedManifest:
    if logical not in target.files:
        raise WizardError(f"{logical} is not committed", "run airflow-wizard commit")
    path = f"{target.release.paths.argocd}/{logical.removeprefix('argocd/')}.yaml"
    return CommittedManifest(path, target.text(logical), kinds, namespace)
