"""What Argo CD needs from outside Git: the guard, known hosts, its project and the Application.

Everything else is synced from the repository. Source: facts on Argo CD (least privilege, known
hosts are appended, repository Secrets by label).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.applying import credential, known_hosts, repository_credential
from wizard.applying.identity import identity
from wizard.applying.objects import Source, manifests_action
from wizard.errors import WizardError

if TYPE_CHECKING:
    from wizard.actions import Action
    from wizard.applying.target import Target

_NEEDS = "install Argo CD there, or name the context of the cluster it runs in"
_NEEDS_POLICIES = "ValidatingAdmissionPolicy is served by Kubernetes 1.30 and newer"
_POLICIES = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def actions(target: Target) -> tuple[Action, ...]:
    """The delivery's changes in their order; none where something else than Argo CD delivers."""
    if target.answers.delivery.kind != "argocd":
        return ()
    found = [identity(target)]
    if target.under("argocd/bootstrap/store-"):
        found.append(store_account(target))
    found += known_hosts.actions(target)
    if repository_credential.used(target):
        found += repository_credential.actions(target)
    else:
        found.append(credential.action(target))
    found += [_project(target), _application(target)]
    return tuple(found)


def store_account(target: Target) -> Action:
    """The admission policy that keeps pods away from the store's ServiceAccount."""
    action = "cluster.store-account"
    return manifests_action(
        action,
        "Keep pods away from the store's ServiceAccount",
        "platform",
        target.kube,
        guard_sources(target),
        needs=_NEEDS_POLICIES,
        agreed=target.agreed.get(action, ""),
    )


def _project(target: Target) -> Action:
    argo = target.answers.delivery.argocd
    sources = project_sources(target)
    action = "argocd.project"
    return manifests_action(
        action,
        f"Create AppProject {argo.project}",
        "platform",
        target.argocd,
        sources,
        needs=_NEEDS,
        agreed=target.agreed.get(action, ""),
    )


def _application(target: Target) -> Action:
    """The one Application, or with two their parent, which brings them."""
    first = application_sources(target)[0]
    parent = "argocd/bootstrap/parent" in target.files
    title = target.release.installation + ("-parent" if parent else "")
    action = "argocd.application"
    return manifests_action(
        action,
        f"Create Application {title}",
        "platform",
        target.argocd,
        [first],
        needs=_NEEDS,
        agreed=target.agreed.get(action, ""),
    )


def guard_sources(target: Target) -> list[Source]:
    """The admission policy and its binding, the policy last."""
    names = target.under("argocd/bootstrap/store-")
    return [_source(target, name, _POLICIES, "") for name in names]


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
    if "argocd/bootstrap/parent" in target.files:
        names = ["argocd/bootstrap/parent", *names, "argocd/secrets-application"]
    return [_source(target, name, ("Application",), namespace) for name in names]


def _source(target: Target, logical: str, kinds: tuple[str, ...], namespace: str) -> Source:
    if logical not in target.files:
        raise WizardError(f"{logical} is not committed", "airflow-wizard commit writes it")
    path = f"{target.release.paths.argocd}/{logical.removeprefix('argocd/')}.yaml"
    return Source(path, target.text(logical), kinds, namespace)
