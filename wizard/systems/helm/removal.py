"""A release that Helm installed, and the manifests beside it, removed in reverse.

Helm removes whatever the chart rendered, claims of volumes too; those that a StatefulSet made of
its template stay. A claim that would go with the release stops it unless volumes are named.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Ref
from wizard.engine.actions import Action, Look
from wizard.engine.probes import in_thread
from wizard.errors import ConflictError
from wizard.formats.terminal import visible
from wizard.systems.cluster.diagnosis import said
from wizard.systems.cluster.object_removal import NOWHERE, Removal, removal_action
from wizard.systems.cluster.objects import Source, explained
from wizard.systems.cluster.ownership import kubectl_delete, plain, unchanged
from wizard.systems.helm.state import (
    Revision,
    made_by_a_run,
    of_another,
    ours_to_mend,
    own_mark,
    revisions,
)
from wizard.systems.helm.steps import grouped
from wizard.systems.release import delivered_objects
from wizard.systems.release.volumes import claims

if TYPE_CHECKING:
    from wizard.clients.helm import Helm
    from wizard.systems.target import Piece, Target
    from wizard.systems.vault.session import Session

UNINSTALL_SECONDS = 300
_RENDERED = "meta.helm.sh/release-name"
# The reverse of how they were applied; ExternalSecrets go while the store still stands.
_GROUPS = (
    ("helm.manifests", "Remove what else stands beside the chart"),
    ("helm.secrets", "Remove the ExternalSecrets; their Secrets go with them"),
    ("helm.store", "Remove the store and its account"),
    ("cluster.store-account", "Remove the guard of the store's ServiceAccount"),
)


def actions(
    target: Target, session: Session | None, pieces: Collection[Piece], *, exact: bool
) -> tuple[Action, ...]:
    """The release first, then what stands beside it; with `exact` changed objects are left."""
    groups = grouped(target)
    guarded = (
        (delivered_objects.copies(target, session),)
        if session is not None and "payload" not in pieces
        else ()
    )
    beside = tuple(
        _beside(target, name, title, groups[name], exact=exact)
        for name, title in _GROUPS
        if groups[name]
    )
    return (*guarded, _uninstalled(target, pieces, exact=exact), *beside)


def _beside(target: Target, name: str, title: str, sources: list[Source], *, exact: bool) -> Action:
    found = [Ref.of(source.manifest()) for source in reversed(sources)]
    judge = unchanged(target, sources) if exact else plain(target)
    return removal_action(
        f"remove.{name.rpartition('.')[2]}",
        title,
        "platform",
        target.kube,
        lambda kube: Removal(kube, lambda: found, judge),
        left=kubectl_delete(found),
        patience=delivered_objects.SECRETS_SECONDS,
    )


def _uninstalled(target: Target, pieces: Collection[Piece], *, exact: bool) -> Action:
    name, namespace = target.release.names.release, target.release.namespace
    title = f"Uninstall release {name} with Helm"
    command = f"helm -n {namespace} uninstall {name}"
    if target.kube is None or target.helm is None:
        return Action("remove.release", title, "me", "cluster", lambda: _left(command))
    work = _Release(target, target.kube, target.helm, pieces, exact=exact)
    return Action(
        "remove.release", title, "me", target.helm.identity, work.look, work.change, work.rehearse
    )


async def _left(command: str) -> Look:
    return Look("unknown", NOWHERE, f"its owner runs: {command}")


class _Release:
    """Looks whether the release is gone, and uninstalls it."""

    def __init__(
        self, target: Target, kube: Kube, helm: Helm, pieces: Collection[Piece], *, exact: bool
    ) -> None:
        self._target = target
        self._kube = kube
        self._helm = helm
        self._pieces = pieces
        self._exact = exact
        self._name = target.release.names.release
        self._namespace = target.release.namespace

    async def look(self) -> Look:
        """Whether it is gone, or not this wizard's to take away."""
        return await in_thread(self._look)

    def _look(self) -> Look:
        try:
            found = revisions(self._kube, self._namespace, self._name)
            rendered = [] if "volumes" in self._pieces else self._rendered()
        except KubeError as error:
            if error.kind != "forbidden":
                raise explained(error) from None
            return Look("unknown", error.message, f"helm -n {self._namespace} list shows it")
        if not found or found[-1].status == "uninstalled":
            return Look("holds", f"release {self._name} is not installed")
        return self._in_the_way(found, rendered) or Look(
            "wanted", f"release {self._name}, revision {found[-1].number}, stands"
        )

    def _rendered(self) -> list[str]:
        """Claims that go with the release: of the chart itself, or owned by what goes."""
        return [
            f"PersistentVolumeClaim {visible(one['metadata']['name'])}"
            for one in claims(self._kube, self._target)
            if _RENDERED in (one["metadata"].get("annotations") or {})
            or one["metadata"].get("ownerReferences")
        ]

    def _in_the_way(self, found: list[Revision], rendered: list[str]) -> Look | None:
        last = found[-1]
        shown = f"release {self._name} (revision {last.number}, {said(last.status)})"
        if not last.own:
            return Look(
                "blocked",
                f"{shown} is not this wizard's; it is left",
                f"if it is to go, its owner runs: helm -n {self._namespace} uninstall {self._name}",
            )
        if of_another(last, own_mark(self._target)):
            return Look(
                "blocked",
                f"{shown} belongs to another installation or repository; it is left",
                "run it there; or, if it is to go, its owner runs: "
                f"helm -n {self._namespace} uninstall {self._name}",
            )
        if last.pending and not ours_to_mend(found):
            return Look(
                "blocked",
                f"{shown} is in the hands of another helm, or was when that one died",
                "wait until it has ended",
            )
        if self._exact and not last.pending and not made_by_a_run(found):
            return Look(
                "blocked",
                f"{shown} was made by another helm since it was applied; it is left",
                "bring it back to what is committed first: airflow-wizard apply; or, if it is to "
                f"go: helm -n {self._namespace} uninstall {self._name}",
            )
        if rendered:
            return Look(
                "blocked",
                f"{', '.join(rendered)} would go with the release",
                "give the chart claims that exist already (existingClaim in the values), and "
                "apply that first; or, where they may go: airflow-wizard destroy --data volumes",
            )
        return None

    async def change(self) -> str:
        """Uninstall it; pods end by themselves."""
        await self._act()
        return f"uninstalled release {self._name}"

    async def rehearse(self) -> str:
        """What helm says it would do."""
        await self._act("--dry-run")
        return f"helm would uninstall release {self._name}"

    async def _act(self, *more: str) -> None:
        await self._helm.act(
            "uninstall", self._name, "--namespace", self._namespace,
            "--timeout", f"{UNINSTALL_SECONDS}s", *more, seconds=UNINSTALL_SECONDS + 60.0,
        )  # fmt: skip


def require_gone(target: Target) -> None:
    """Raise ConflictError while the release may stand: the files say how it is run."""
    name = target.release.names.release
    if target.kube is None:
        raise ConflictError(f"nothing says whether release {name} is gone", "--context names it")
    try:
        found = revisions(target.kube, target.release.namespace, name)
    except KubeError as error:
        raise ConflictError(
            f"nothing says whether release {name} is gone: {error.message}", error.hint
        ) from None
    if found and found[-1].status != "uninstalled":
        raise ConflictError(f"release {name} stands", "let its removal end, then run it again")
