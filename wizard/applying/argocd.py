"""What Argo CD needs from outside Git: the guard, known hosts, its project and the Application.

Everything else is synced from the repository. Source: facts on Argo CD (least privilege, known
hosts are appended, repository Secrets by label).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.actions import Action, Look
from wizard.applying import credential, known_hosts
from wizard.applying.objects import Source, explained, manifests_action
from wizard.backends.kube_errors import KubeError
from wizard.documents.argocd import IN_CLUSTER
from wizard.errors import WizardError
from wizard.live.targets import difference, record_of, unproven
from wizard.probes import in_thread

if TYPE_CHECKING:
    from wizard.applying.target import Target
    from wizard.backends.kube import Cluster, Kube

_NEEDS = "install Argo CD there, or name the context of the cluster it runs in"
_NEEDS_POLICIES = "ValidatingAdmissionPolicy is served by Kubernetes 1.30 and newer"
_POLICIES = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def actions(target: Target, take: Collection[str] = ()) -> tuple[Action, ...]:
    """The delivery's changes in their order; none where something else than Argo CD delivers.

    `take` names actions whose diff was shown and agreed to: what is another's is taken over.
    """
    if target.answers.delivery.kind != "argocd":
        return ()
    found = [identity(target)]
    if target.under("argocd/bootstrap/store-"):
        found.append(store_account(target, take))
    found += known_hosts.actions(target)
    found.append(credential.action(target))
    found += [_project(target, take), _application(target, take)]
    return tuple(found)


def identity(target: Target) -> Action:
    """Whether the cluster that answers is the one the answers record; another one stops."""
    endpoint = target.kube.identity if target.kube else "cluster"

    async def check() -> Look:
        if target.kube is None:
            return Look("unknown", "no kubeconfig context names the cluster")
        return await in_thread(lambda: _identity(target))

    title = "Compare the cluster with the recorded one"
    return Action("cluster.identity", title, "me", endpoint, check)


def _identity(target: Target) -> Look:
    here = _cluster(target.kube)
    hub = _cluster(target.argocd) if target.argocd is not target.kube else here
    apart = here and hub and here.uid and hub.uid and here.uid != hub.uid
    if apart and target.answers.delivery.argocd.destination == IN_CLUSTER:
        return Look(
            "blocked",
            "Argo CD deploys into its own cluster, but its context and the cluster's lead to two",
            "name one context for both, or set delivery.argocd.destination to the cluster's "
            "address as Argo CD lists it",
        )
    return _same(target, here) if here else Look("unknown", "no kubeconfig context names it")


def _cluster(kube: Kube | None) -> Cluster | None:
    try:
        return kube.cluster() if kube else None
    except KubeError as error:
        raise explained(error) from None


def _same(target: Target, here: Cluster) -> Look:
    known = target.cluster
    shown = f"{here.server}, Kubernetes {here.version}"
    found = difference(known, here) or unproven(known, here)
    if found:
        uid = here.uid or "UID"
        return Look(
            "blocked",
            found,
            "use the context of the cluster that was committed for; if this one is meant: "
            f"airflow-wizard set cluster.uid={uid}",
        )
    if not here.uid:
        return Look(
            "unknown",
            f"{shown}: its identity, the UID of namespace kube-system, may not be read",
            "whoever may: kubectl get namespace kube-system -o jsonpath={.metadata.uid}",
        )
    target.met.update(record_of(here))
    state = "as recorded" if target.answers.cluster.uid else "not recorded yet"
    if known.uid and not target.answers.cluster.uid:
        state = "as an earlier run met it; the next commit records it"
    return Look("holds", f"{shown}: cluster {here.uid}, {state}")


def store_account(target: Target, take: Collection[str] = ()) -> Action:
    """The admission policy that keeps pods away from the store's ServiceAccount."""
    action = "cluster.store-account"
    return manifests_action(
        action,
        "Keep pods away from the store's ServiceAccount",
        "platform",
        target.kube,
        guard_sources(target),
        needs=_NEEDS_POLICIES,
        take=action in take,
    )


def _project(target: Target, take: Collection[str]) -> Action:
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
        take=action in take,
    )


def _application(target: Target, take: Collection[str]) -> Action:
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
        take=action in take,
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
