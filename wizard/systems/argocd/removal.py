"""What `apply` put beside Git for Argo CD: projects, known hosts, and the guard of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeConflictError, KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.deliveries.argocd.manifests import API_VERSION
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError, Fix
from wizard.formats.addresses import normalize_url, parse_git_url
from wizard.formats.terminal import escape_unprintable
from wizard.systems.argocd import store_credential
from wizard.systems.argocd.application import application_names
from wizard.systems.argocd.application_removal import find_tracking_application, repository_urls
from wizard.systems.argocd.known_hosts import (
    CONFIG_MAP,
    build_config_map,
    format_repository_host,
    read_added_lines,
    read_known_hosts,
)
from wizard.systems.argocd.steps import guard_manifests, project_manifests
from wizard.systems.cluster.object_removal import (
    WAIT_FOR_SECRET_REMOVAL,
    Removal,
    build_cluster_step,
    build_removal_step,
    read_object,
)
from wizard.systems.cluster.objects import explain_error
from wizard.systems.cluster.ownership import (
    Judge,
    build_label_judge,
    build_unchanged_judge,
    kubectl_delete,
)

if TYPE_CHECKING:
    from wizard.systems.cluster.objects import CommittedManifest
    from wizard.systems.target import Target

_ROUNDS = 3


def build_argocd_removal(target: Target, *, exact: bool) -> tuple[Step, ...]:
    """Their removal, in the reverse of the order in which they were made.

    With `exact`, one that was changed since is left: for an undo.
    """
    found = [_build_project_removal(target, exact=exact)]
    if store_credential.has_store_credential(target):
        found.append(_build_credential_removal(target, exact=exact))
    if parse_git_url(argocd_answers(target.answers.delivery).repo_url).scheme == "ssh":
        found.append(_build_known_hosts_removal(target))
    if guard_manifests(target):
        found.append(_build_guard_removal(target, exact=exact))
    return tuple(found)


def _build_judge(target: Target, sources: list[CommittedManifest], *, exact: bool) -> Judge:
    return build_unchanged_judge(target, sources) if exact else build_label_judge(target)


def _build_project_removal(target: Target, *, exact: bool) -> Step:
    sources = project_manifests(target)
    found = [Ref.from_manifest(source.manifest()) for source in sources]
    own = _build_judge(target, sources, exact=exact)

    def removal(kube: Kube) -> Removal:
        def judge(one: KubeObject, ref: Ref) -> StepStatus | None:
            return own(one, ref) or _check_delivery(one, ref) or _check_usage(kube, target, ref)

        return Removal(kube, lambda: found, judge)

    called = ", ".join(ref.name for ref in found)
    return build_removal_step(
        "remove.project",
        f"Remove AppProject {called}",
        "platform",
        target.argocd,
        removal,
        left=kubectl_delete(found),
        alone=True,
    )


def _check_delivery(found: KubeObject, ref: Ref) -> StepStatus | None:
    owner = find_tracking_application(found)
    if not owner:
        return None
    return StepStatus(
        "blocked",
        f"{ref} is delivered by Application {escape_unprintable(owner)}, which would bring it back",
        Fix("take it out of what that one delivers, then run it again"),
    )


def _check_usage(kube: Kube, target: Target, ref: Ref) -> StepStatus | None:
    own = application_names(target)
    try:
        listed = kube.find(API_VERSION, "Application", ref.namespace)
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        why = f"whether another Application uses {ref} may not be read; it is left"
        return StepStatus(
            "blocked", why, Fix(f"whoever may see that runs: {kubectl_delete([ref])}")
        )
    using = [
        escape_unprintable(one["metadata"]["name"])
        for one in listed
        if (one.get("spec") or {}).get("project") == ref.name and one["metadata"]["name"] not in own
    ]
    if not using:
        return None
    return StepStatus(
        "blocked",
        f"{ref} is used by Application {', '.join(using)}; it is left",
        Fix("move them to a project of their own, then run it again"),
    )


def _build_credential_removal(target: Target, *, exact: bool) -> Step:
    """The store of Argo CD's own; its ExternalSecret first, which the operator has to let go of."""
    sources = store_credential.credential_manifests(target)[::-1]
    found = [Ref.from_manifest(source.manifest()) for source in sources]
    own = _build_judge(target, sources, exact=exact)
    url = normalize_url(argocd_answers(target.answers.delivery).repo_url)

    def removal(kube: Kube) -> Removal:
        def judge(one: KubeObject, ref: Ref) -> StepStatus | None:
            return own(one, ref) or _check_readers(kube, target, ref, url)

        return Removal(kube, lambda: found, judge)

    return build_removal_step(
        "remove.credential",
        "Take Argo CD's credential of this repository back, with its store",
        "platform",
        target.argocd,
        removal,
        left=kubectl_delete(found),
        patience=WAIT_FOR_SECRET_REMOVAL,
        alone=True,
    )


def _check_readers(kube: Kube, target: Target, ref: Ref, url: str) -> StepStatus | None:
    """Left while another Application reads this repository with it."""
    using = [
        escape_unprintable(one["metadata"]["name"])
        for one in kube.find(API_VERSION, "Application", ref.namespace)
        if one["metadata"]["name"] not in application_names(target)
        and url in map(normalize_url, repository_urls(one))
    ]
    if not using:
        return None
    return StepStatus(
        "blocked",
        f"{ref} lets Application {', '.join(using)} read this repository too; it is left",
        Fix("give Argo CD another credential for it first, then run it again"),
    )


def _build_guard_removal(target: Target, *, exact: bool) -> Step:
    sources = guard_manifests(target)
    found = [Ref.from_manifest(source.manifest()) for source in reversed(sources)]
    own = _build_judge(target, sources, exact=exact)
    return build_removal_step(
        "remove.store-account",
        "Remove the guard of the store's ServiceAccount",
        "platform",
        target.kube,
        lambda kube: Removal(kube, lambda: found, own),
        left=kubectl_delete(found),
        alone=True,
    )


def _build_known_hosts_removal(target: Target) -> Step:
    hosts = _KnownHostsRemoval(target)
    return build_cluster_step(
        "remove.known-hosts",
        f"Take the added host keys of {hosts.name} from Argo CD's list",
        target.argocd,
        hosts.look,
        hosts.change,
        left=f"kubectl -n {hosts.ref.namespace} edit configmap {CONFIG_MAP}",
        alone=True,
    )


class _KnownHostsRemoval:
    """The lines that this installation has added to the shared list; others' are not touched."""

    def __init__(self, target: Target) -> None:
        argo = argocd_answers(target.answers.delivery)
        self.name = format_repository_host(argo.repo_url)
        self.ref = Ref("v1", "ConfigMap", CONFIG_MAP, argo.namespace)
        self._own = application_names(target)
        self._installation = target.release.installation

    def look(self, kube: Kube) -> StepStatus:
        """Whether none of them is left that nobody else needs."""
        try:
            found = read_object(kube, self.ref)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            fix = Fix(f"whoever may: kubectl -n {self.ref.namespace} edit configmap {CONFIG_MAP}")
            return StepStatus("unknown", f"{self.ref} may not be read", fix)
        added = read_added_lines(found, self._installation) if found else ()
        if not added:
            return StepStatus("holds", "this installation has added none that stands there")
        using = self._find_user(kube)
        if using:
            return StepStatus("kept", f"{using}; {len(added)} lines stay")
        there = (read_known_hosts(found) if found else "").splitlines()
        gone = "\n".join(f"-{escape_unprintable(line)}" for line in added if line in there)
        return StepStatus(
            "wanted", f"{len(added)} lines were added for this installation", diff=gone
        )

    def _find_user(self, kube: Kube) -> str:
        """Which other Application reads from this host; empty for none."""
        try:
            listed = kube.find(API_VERSION, "Application", self.ref.namespace)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return "whether others read from this host may not be read"
        for one in listed:
            name = one["metadata"]["name"]
            if name not in self._own and any(self._is_here(url) for url in repository_urls(one)):
                return f"Application {escape_unprintable(name)} reads from {self.name} too"
        return ""

    def _is_here(self, url: str) -> bool:
        try:
            return parse_git_url(url).scheme == "ssh" and format_repository_host(url) == self.name
        except ValueError:
            return False

    def change(self, kube: Kube) -> str:
        """Take exactly these lines out of the text that was read."""
        for _ in range(_ROUNDS):
            found = read_object(kube, self.ref)
            added = read_added_lines(found, self._installation) if found else ()
            if found is None or not added:
                return "somebody else has taken them out meanwhile"
            kept = [line for line in read_known_hosts(found).splitlines(keepends=True)
                    if line.rstrip("\n") not in added]  # fmt: skip
            try:
                kube.replace(build_config_map(found, "".join(kept), self._installation, ()))
            except KubeConflictError as error:
                if error.reason != "Conflict":
                    raise
                continue
            except KubeError as error:
                raise explain_error(error) from None
            return f"took {len(added)} lines out of {self.ref}"
        raise ConflictError(
            f"{self.ref} was changed by somebody else {_ROUNDS} times in a row", "try again later"
        )
