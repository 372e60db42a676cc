"""What Argo CD needs from outside Git: the guard, known hosts, its project and the Application.

Everything else is synced from the repository. Source: facts on Argo CD (least privilege, known
hosts are appended, repository Secrets by label).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.errors import WizardError
from wizard.systems.argocd import credential, known_hosts, store_credential
from wizard.systems.argocd.application import has_parent, names
from wizard.systems.cluster import admission_guard
from wizard.systems.cluster.objects import Source, manifests_action

if TYPE_CHECKING:
    from wizard.engine.actions import Action
    from wizard.systems.target import Target

_NEEDS = "install Argo CD there, or name the context of the cluster it runs in"


def actions(target: Target) -> tuple[Action, ...]:
    """The delivery's changes in their order, the waits of the delivery apart."""
    protecting = guard_sources(target)
    found = [admission_guard.action(target, protecting)] if protecting else []
    found += known_hosts.actions(target)
    if store_credential.used(target):
        found += store_credential.actions(target)
    else:
        found.append(credential.action(target))
    found += [_project(target), _application(target)]
    return tuple(found)


def _project(target: Target) -> Action:
    argo = target.answers.delivery.argocd
    sources = project_sources(target)
    return manifests_action(
        target,
        "argocd.project",
        f"Create AppProject {argo.project}",
        "platform",
        target.argocd,
        sources,
        needs=_NEEDS,
    )


def _application(target: Target) -> Action:
    """The one Application, or with two their parent, which brings them."""
    first = application_sources(target)[0]
    title = names(target)[0]
    return manifests_action(
        target,
        "argocd.application",
        f"Create Application {title}",
        "platform",
        target.argocd,
        [first],
        needs=_NEEDS,
    )


def guard_sources(target: Target) -> list[Source]:
    """The admission policy and its binding, in the order in which they are applied."""
    found = [
        _source(target, f"argocd/bootstrap/{name}", (kind,), "")
        for name, kind in admission_guard.FILES.items()
        if f"argocd/bootstrap/{name}" in target.files
    ]
    return admission_guard.ordered(found)


def project_sources(target: Target) -> list[Source]:
    """The AppProjects, the parent's first."""
    namespace = target.answers.delivery.argocd.namespace
    names = ("argocd/bootstrap/project", "argocd/project")
    return [
        _source(target, name, ("AppProject",), namespace) for name in names if name in target.files
    ]


def application_sources(target: Target) -> list[Source]:
    """The Application that `apply` makes, then those that it brings."""
    namespace = target.answers.delivery.argocd.namespace
    names = ["argocd/application"]
    if has_parent(target):
        names = ["argocd/bootstrap/parent", *names, "argocd/secrets-application"]
    return [_source(target, name, ("Application",), namespace) for name in names]


def _source(target: Target, logical: str, kinds: tuple[str, ...], namespace: str) -> Source:
    if logical not in target.files:
        raise WizardError(f"{logical} is not committed", "airflow-wizard commit writes it")
    path = f"{target.release.paths.argocd}/{logical.removeprefix('argocd/')}.yaml"
    return Source(path, target.text(logical), kinds, namespace)
