"""A release that Helm installed, and the manifests beside it, removed in reverse.

Helm removes whatever the chart rendered, claims of volumes too; those that a StatefulSet made of
its template stay. A claim that would go with the release stops it unless volumes are named.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Ref
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError, Fix
from wizard.formats.terminal import escape_unprintable
from wizard.systems.cluster.diagnosis import sanitize_message
from wizard.systems.cluster.object_removal import (
    NO_CONTEXT,
    WAIT_FOR_SECRET_REMOVAL,
    Removal,
    build_removal_step,
)
from wizard.systems.cluster.objects import CommittedManifest, explain_error
from wizard.systems.cluster.ownership import (
    build_label_judge,
    build_unchanged_judge,
    kubectl_delete,
)
from wizard.systems.helm.state import (
    Revision,
    compute_owner_mark,
    is_foreign,
    is_made_by_run,
    is_recoverable,
    list_revisions,
)
from wizard.systems.helm.steps import group_manifests
from wizard.systems.release import delivered_objects
from wizard.systems.release.volumes import list_claims

if TYPE_CHECKING:
    from wizard.clients.helm import Helm
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import DataKind, Target

UNINSTALL_SECONDS = 300
_RELEASE_ANNOTATION = "meta.helm.sh/release-name"
# The reverse of how they were applied; ExternalSecrets go while the store still stands.
_GROUPS = (
    ("helm.manifests", "Remove what else stands beside the chart"),
    ("helm.secrets", "Remove the ExternalSecrets; their Secrets go with them"),
    ("helm.store", "Remove the store and its account"),
    ("cluster.store-account", "Remove the guard of the store's ServiceAccount"),
)


def build_helm_removal(
    target: Target, session: StoreLogin | None, pieces: Collection[DataKind], *, exact: bool
) -> tuple[Step, ...]:
    """The release first, then what stands beside it; with `exact` changed objects are left."""
    groups = group_manifests(target)
    guarded = (
        (delivered_objects.build_copies_check(target, session),)
        if session is not None and "payload" not in pieces
        else ()
    )
    beside = tuple(
        _build_manifests_removal(target, name, title, groups[name], exact=exact)
        for name, title in _GROUPS
        if groups[name]
    )
    return (*guarded, _build_uninstall_step(target, pieces, exact=exact), *beside)


def _build_manifests_removal(
    target: Target, name: str, title: str, sources: list[CommittedManifest], *, exact: bool
) -> Step:
    found = [Ref.from_manifest(source.manifest()) for source in reversed(sources)]
    judge = build_unchanged_judge(target, sources) if exact else build_label_judge(target)
    return build_removal_step(
        f"remove.{name.rpartition('.')[2]}",
        title,
        "platform",
        target.kube,
        lambda kube: Removal(kube, lambda: found, judge),
        left=kubectl_delete(found),
        patience=WAIT_FOR_SECRET_REMOVAL,
    )


def _build_uninstall_step(target: Target, pieces: Collection[DataKind], *, exact: bool) -> Step:
    name, namespace = target.release.names.release, target.release.namespace
    title = f"Uninstall release {name} with Helm"
    command = f"helm -n {namespace} uninstall {name}"
    if target.kube is None or target.helm is None:
        return Step("remove.release", title, "me", "cluster", lambda: _leave_to_owner(command))
    work = _Release(target, target.kube, target.helm, pieces, exact=exact)
    return Step(
        "remove.release",
        title,
        "me",
        target.helm.identity,
        work.look,
        work.change,
        work.dry_run_change,
    )


async def _leave_to_owner(command: str) -> StepStatus:
    return StepStatus("unknown", NO_CONTEXT, Fix(f"its owner runs: {command}"))


class _Release:
    """Looks whether the release is gone, and uninstalls it."""

    def __init__(
        self, target: Target, kube: Kube, helm: Helm, pieces: Collection[DataKind], *, exact: bool
    ) -> None:
        self._target = target
        self._kube = kube
        self._helm = helm
        self._pieces = pieces
        self._exact = exact
        self._name = target.release.names.release
        self._namespace = target.release.namespace

    async def look(self) -> StepStatus:
        """Whether it is gone, or not this wizard's to take away."""
        return await run_in_thread(self._look)

    def _look(self) -> StepStatus:
        try:
            found = list_revisions(self._kube, self._namespace, self._name)
            rendered = [] if "volumes" in self._pieces else self._find_chart_claims()
        except KubeError as error:
            if error.kind != "forbidden":
                raise explain_error(error) from None
            return StepStatus(
                "unknown", error.message, Fix(f"helm -n {self._namespace} list shows it")
            )
        if not found or found[-1].status == "uninstalled":
            return StepStatus("holds", f"release {self._name} is not installed")
        return self._find_obstacle(found, rendered) or StepStatus(
            "wanted", f"release {self._name}, revision {found[-1].number}, stands"
        )

    def _find_chart_claims(self) -> list[str]:
        """Claims that go with the release: of the chart itself, or owned by what goes."""
        return [
            f"PersistentVolumeClaim {escape_unprintable(one['metadata']['name'])}"
            for one in list_claims(self._kube, self._target)
            if _RELEASE_ANNOTATION in (one["metadata"].get("annotations") or {})
            or one["metadata"].get("ownerReferences")
        ]

    def _find_obstacle(self, found: list[Revision], rendered: list[str]) -> StepStatus | None:
        last = found[-1]
        shown = f"release {self._name} (revision {last.number}, {sanitize_message(last.status)})"
        if not last.own:
            return StepStatus(
                "blocked",
                f"{shown} is not this wizard's; it is left",
                Fix(
                    f"if it is to go, its owner runs: helm -n {self._namespace} uninstall "
                    f"{self._name}"
                ),
            )
        if is_foreign(last, compute_owner_mark(self._target)):
            return StepStatus(
                "blocked",
                f"{shown} belongs to another installation or repository; it is left",
                Fix(
                    "run it there; or, if it is to go, its owner runs: "
                    f"helm -n {self._namespace} uninstall {self._name}"
                ),
            )
        if last.is_pending and not is_recoverable(found):
            return StepStatus(
                "blocked",
                f"{shown} is in the hands of another helm, or was when that one died",
                Fix("wait until it has ended"),
            )
        if self._exact and not last.is_pending and not is_made_by_run(found):
            return StepStatus(
                "blocked",
                f"{shown} was made by another helm since it was applied; it is left",
                Fix(
                    "bring it back to what is committed first: airflow-wizard apply; or, if it is "
                    f"to go: helm -n {self._namespace} uninstall {self._name}"
                ),
            )
        if rendered:
            return StepStatus(
                "blocked",
                f"{', '.join(rendered)} would go with the release",
                Fix(
                    "give the chart claims that exist already (existingClaim in the values), and "
                    "apply that first; or, where they may go: airflow-wizard destroy --data volumes"
                ),
            )
        return None

    async def change(self) -> str:
        """Uninstall it; pods end by themselves."""
        await self._act()
        return f"uninstalled release {self._name}"

    async def dry_run_change(self) -> str:
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
        found = list_revisions(target.kube, target.release.namespace, name)
    except KubeError as error:
        raise ConflictError(
            f"nothing says whether release {name} is gone: {error.message}", error.fix
        ) from None
    if found and found[-1].status != "uninstalled":
        raise ConflictError(f"release {name} stands", "let its removal end, then run it again")
