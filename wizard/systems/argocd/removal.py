"""What `apply` put beside Git for Argo CD: projects, known hosts, and the guard of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeConflictError, KubeError
from wizard.clients.kube.protocol import Kube, Manifest, Ref
from wizard.engine.actions import Action, Look
from wizard.errors import ConflictError
from wizard.formats.addresses import git_location, normal_url
from wizard.formats.terminal import visible
from wizard.manifests.argocd import API_VERSION
from wizard.systems.argocd import store_credential
from wizard.systems.argocd.application import names
from wizard.systems.argocd.application_removal import tracked_by, urls
from wizard.systems.argocd.known_hosts import CONFIG_MAP, added_by, name_of, rewritten, text_of
from wizard.systems.argocd.steps import guard_sources, project_sources
from wizard.systems.cluster.object_removal import Removal, looked_action, removal_action, standing
from wizard.systems.cluster.objects import explained
from wizard.systems.cluster.ownership import Judge, kubectl_delete, plain, unchanged
from wizard.systems.release.delivered_objects import SECRETS_SECONDS

if TYPE_CHECKING:
    from wizard.systems.cluster.objects import Source
    from wizard.systems.target import Target

_ROUNDS = 3


def actions(target: Target, *, exact: bool) -> tuple[Action, ...]:
    """Their removal, in the reverse of the order in which they were made.

    With `exact`, one that was changed since is left: for an undo.
    """
    found = [_projects(target, exact=exact)]
    if store_credential.used(target):
        found.append(_credential(target, exact=exact))
    if git_location(target.answers.delivery.argocd.repo_url).scheme == "ssh":
        found.append(_known_hosts(target))
    if guard_sources(target):
        found.append(_guard(target, exact=exact))
    return tuple(found)


def _plain(target: Target, sources: list[Source], *, exact: bool) -> Judge:
    return unchanged(target, sources) if exact else plain(target)


def _projects(target: Target, *, exact: bool) -> Action:
    sources = project_sources(target)
    found = [Ref.of(source.manifest()) for source in sources]
    own = _plain(target, sources, exact=exact)

    def removal(kube: Kube) -> Removal:
        def judge(one: Manifest, ref: Ref) -> Look | None:
            return own(one, ref) or _delivered(one, ref) or _in_use(kube, target, ref)

        return Removal(kube, lambda: found, judge)

    called = ", ".join(ref.name for ref in found)
    return removal_action(
        "remove.project",
        f"Remove AppProject {called}",
        "platform",
        target.argocd,
        removal,
        left=kubectl_delete(found),
        alone=True,
    )


def _delivered(found: Manifest, ref: Ref) -> Look | None:
    owner = tracked_by(found)
    if not owner:
        return None
    return Look(
        "blocked",
        f"{ref} is delivered by Application {visible(owner)}, which would bring it back",
        "take it out of what that one delivers, then run it again",
    )


def _in_use(kube: Kube, target: Target, ref: Ref) -> Look | None:
    own = names(target)
    try:
        listed = kube.find(API_VERSION, "Application", ref.namespace)
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        why = f"whether another Application uses {ref} may not be read; it is left"
        return Look("blocked", why, f"whoever may see that runs: {kubectl_delete([ref])}")
    using = [
        visible(one["metadata"]["name"])
        for one in listed
        if (one.get("spec") or {}).get("project") == ref.name and one["metadata"]["name"] not in own
    ]
    if not using:
        return None
    return Look(
        "blocked",
        f"{ref} is used by Application {', '.join(using)}; it is left",
        "move them to a project of their own, then run it again",
    )


def _credential(target: Target, *, exact: bool) -> Action:
    """The store of Argo CD's own; its ExternalSecret first, which the operator has to let go of."""
    sources = store_credential.sources(target)[::-1]
    found = [Ref.of(source.manifest()) for source in sources]
    own = _plain(target, sources, exact=exact)
    url = normal_url(target.answers.delivery.argocd.repo_url)

    def removal(kube: Kube) -> Removal:
        def judge(one: Manifest, ref: Ref) -> Look | None:
            return own(one, ref) or _read_by(kube, target, ref, url)

        return Removal(kube, lambda: found, judge)

    return removal_action(
        "remove.credential",
        "Take Argo CD's credential of this repository back, with its store",
        "platform",
        target.argocd,
        removal,
        left=kubectl_delete(found),
        patience=SECRETS_SECONDS,
        alone=True,
    )


def _read_by(kube: Kube, target: Target, ref: Ref, url: str) -> Look | None:
    """Left while another Application reads this repository with it."""
    using = [
        visible(one["metadata"]["name"])
        for one in kube.find(API_VERSION, "Application", ref.namespace)
        if one["metadata"]["name"] not in names(target) and url in map(normal_url, urls(one))
    ]
    if not using:
        return None
    return Look(
        "blocked",
        f"{ref} lets Application {', '.join(using)} read this repository too; it is left",
        "give Argo CD another credential for it first, then run it again",
    )


def _guard(target: Target, *, exact: bool) -> Action:
    sources = guard_sources(target)
    found = [Ref.of(source.manifest()) for source in reversed(sources)]
    own = _plain(target, sources, exact=exact)
    return removal_action(
        "remove.store-account",
        "Remove the guard of the store's ServiceAccount",
        "platform",
        target.kube,
        lambda kube: Removal(kube, lambda: found, own),
        left=kubectl_delete(found),
        alone=True,
    )


def _known_hosts(target: Target) -> Action:
    hosts = _Hosts(target)
    return looked_action(
        "remove.known-hosts",
        f"Take the added host keys of {hosts.name} from Argo CD's list",
        target.argocd,
        hosts.look,
        hosts.change,
        left=f"kubectl -n {hosts.ref.namespace} edit configmap {CONFIG_MAP}",
        alone=True,
    )


class _Hosts:
    """The lines that this installation has added to the shared list; others' are not touched."""

    def __init__(self, target: Target) -> None:
        argo = target.answers.delivery.argocd
        self.name = name_of(argo.repo_url)
        self.ref = Ref("v1", "ConfigMap", CONFIG_MAP, argo.namespace)
        self._own = names(target)
        self._installation = target.release.installation

    def look(self, kube: Kube) -> Look:
        """Whether none of them is left that nobody else needs."""
        try:
            found = standing(kube, self.ref)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            fix = f"whoever may: kubectl -n {self.ref.namespace} edit configmap {CONFIG_MAP}"
            return Look("unknown", f"{self.ref} may not be read", fix)
        added = added_by(found, self._installation) if found else ()
        if not added:
            return Look("holds", "this installation has added none that stands there")
        using = self._using(kube)
        if using:
            return Look("kept", f"{using}; {len(added)} lines stay")
        there = (text_of(found) if found else "").splitlines()
        gone = "\n".join(f"-{visible(line)}" for line in added if line in there)
        return Look("wanted", f"{len(added)} lines were added for this installation", diff=gone)

    def _using(self, kube: Kube) -> str:
        """Which other Application reads from this host; empty for none."""
        try:
            listed = kube.find(API_VERSION, "Application", self.ref.namespace)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return "whether others read from this host may not be read"
        for one in listed:
            name = one["metadata"]["name"]
            if name not in self._own and any(self._is_here(url) for url in urls(one)):
                return f"Application {visible(name)} reads from {self.name} too"
        return ""

    def _is_here(self, url: str) -> bool:
        try:
            return git_location(url).scheme == "ssh" and name_of(url) == self.name
        except ValueError:
            return False

    def change(self, kube: Kube) -> str:
        """Take exactly these lines out of the text that was read."""
        for _ in range(_ROUNDS):
            found = standing(kube, self.ref)
            added = added_by(found, self._installation) if found else ()
            if found is None or not added:
                return "somebody else has taken them out meanwhile"
            kept = [line for line in text_of(found).splitlines(keepends=True)
                    if line.rstrip("\n") not in added]  # fmt: skip
            try:
                kube.replace(rewritten(found, "".join(kept), self._installation, ()))
            except KubeConflictError as error:
                if error.reason != "Conflict":
                    raise
                continue
            except KubeError as error:
                raise explained(error) from None
            return f"took {len(added)} lines out of {self.ref}"
        raise ConflictError(
            f"{self.ref} was changed by somebody else {_ROUNDS} times in a row", "try again later"
        )
