"""Steps that uninstall a Helm release and delete the manifests outside it, in reverse order.

Helm deletes everything of the names that the chart rendered, volume claims included; claims that a
StatefulSet created from its template stay. An object of others of such a name blocks the step, and
so does a claim that would be deleted with the release, unless `--data volumes` is given.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus
from wizard.errors import AnswersError, ConflictError, Fix
from wizard.manifests.ownership import Ownership
from wizard.systems.argocd.rivals import build_rivals_check
from wizard.systems.argocd.tracking import find_adopter
from wizard.systems.cluster.diagnosis import sanitize_message
from wizard.systems.cluster.object_removal import (
    NO_CONTEXT,
    WAIT_FOR_SECRET_REMOVAL,
    Removal,
    build_removal_step,
    merge_statuses,
)
from wizard.systems.cluster.objects import CommittedManifest, explain_error
from wizard.systems.cluster.ownership import (
    UnknownOwnerStatus,
    build_source_judge,
    build_unchanged_judge,
    join_judges,
    kubectl_delete,
    refuse_removal,
    settle_unknown,
)
from wizard.systems.cluster.store_users import refuse_used_store
from wizard.systems.helm import contents
from wizard.systems.helm.steps import group_manifests
from wizard.systems.release import delivered_objects, volumes
from wizard.systems.release.database_logins import build_logins_check
from wizard.systems.release.dependents import build_dependents_check
from wizard.systems.release.revisions import (
    Revision,
    is_made_by_run,
    is_recoverable,
    judge_release,
    judge_revision,
    list_revisions,
)

if TYPE_CHECKING:
    from wizard.clients.helm import Helm
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import DataKind, Target

UNINSTALL = "remove.release"
UNINSTALL_SECONDS = 300
# In reverse order of apply: ExternalSecrets are deleted while the store still exists.
_GROUPS = (
    ("helm.manifests", "Delete the other manifests beside the chart"),
    ("helm.secrets", "Delete the ExternalSecrets and with them their Secrets"),
    ("helm.store", "Delete the store and its ServiceAccount"),
    ("cluster.store-account", "Delete the guard of the store's ServiceAccount"),
)


def build_helm_removal(
    target: Target, session: StoreLogin | None, pieces: Collection[DataKind], *, exact: bool
) -> tuple[Step, ...]:
    """Return the removal steps: the release first, then the manifests outside it.

    With `exact`, changed objects are skipped.
    """
    groups = group_manifests(target)
    guarded = (
        (delivered_objects.build_copies_check(target, session),)
        if session is not None and "payload" not in pieces
        else ()
    )
    beside = tuple(
        _build_manifests_removal(target, name, title, groups[name], pieces, exact=exact)
        for name, title in _GROUPS
        if groups[name]
    )
    return (
        *guarded,
        build_rivals_check(target, target.kube),
        *build_logins_check(target, pieces),
        build_dependents_check(target, pieces),
        volumes.build_mark_step(target, pieces),
        _build_uninstall_step(target, pieces, exact=exact),
        *beside,
    )


def _build_manifests_removal(
    target: Target,
    name: str,
    title: str,
    sources: list[CommittedManifest],
    pieces: Collection[DataKind],
    *,
    exact: bool,
) -> Step:
    found = [Ref.from_manifest(source.manifest()) for source in reversed(sources)]
    own = build_unchanged_judge(target, sources) if exact else build_source_judge(target)
    beside = delivered_objects.committed_refs(target)

    def removal(kube: Kube) -> Removal:
        judge = join_judges(
            own,
            lambda one, ref: _refuse_adopted(target, one, ref),
            lambda _one, ref: refuse_used_store(kube, ref, beside, target.release.owner_id),
            lambda _one, ref: delivered_objects.keep_database(pieces, ref),
        )
        return Removal(kube, lambda: found, judge)

    return build_removal_step(
        f"remove.{name.rpartition('.')[2]}",
        title,
        "platform",
        target.kube,
        removal,
        left=kubectl_delete(found),
        agreed=target.agreed,
        patience=WAIT_FOR_SECRET_REMOVAL,
    )


def _refuse_adopted(target: Target, found: KubeObject, ref: Ref) -> StepStatus | None:
    """Return the question about an object of ours that others have taken over; None if nobody."""
    adopter = find_adopter(target, found, ref)
    if not adopter:
        return None
    return refuse_removal(Ownership("unknown", f"is {adopter} by now"), found, ref)


def _build_uninstall_step(target: Target, pieces: Collection[DataKind], *, exact: bool) -> Step:
    name, namespace = target.release.names.release, target.release.namespace
    title = f"Uninstall release {name} with Helm"
    command = f"helm -n {namespace} uninstall {name}"
    if target.kube is None or target.helm is None:
        return Step(UNINSTALL, title, "me", "cluster", lambda: _leave_to_owner(command))
    work = _Release(target, target.kube, target.helm, pieces, exact=exact)
    return Step(
        UNINSTALL,
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
    """Checks whether the release is gone, and uninstalls it."""

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
        """Return whether the release is gone, or why it cannot be uninstalled."""
        found = await run_in_thread(self._read_revisions)
        if isinstance(found, StepStatus):
            return found
        if not found or found[-1].status == "uninstalled":
            return StepStatus("holds", f"release {self._name} is not installed")
        if obstacle := self._find_obstacle(found):
            return obstacle
        number = found[-1].number
        manifest, hooks = await self._helm.manifests(self._name, self._namespace, number)
        return await run_in_thread(lambda: self._judge_contents(found[-1], manifest, hooks))

    def _read_revisions(self) -> list[Revision] | StepStatus:
        try:
            found = list_revisions(self._kube, self._namespace, self._name)
            judge_release(self._target, self._kube)
            return found
        except KubeError as error:
            if error.kind != "forbidden":
                raise explain_error(error) from None
            return StepStatus(
                "unknown", error.message, Fix(f"run it yourself: helm -n {self._namespace} list")
            )

    def _judge_contents(self, last: Revision, manifest: str, hooks: str) -> StepStatus:
        """Return whether everything that the uninstall deletes may go; Helm deletes by name."""
        try:
            live = contents.read_live_objects(
                self._kube,
                contents.read_deleted_refs(manifest, self._namespace),
                contents.read_hook_refs(hooks, self._namespace),
            )
            data = contents.find_data(self._kube, self._target, live, self._pieces)
        except AnswersError as error:
            return StepStatus(
                "blocked",
                f"{error.message}, so the objects that helm would delete are unknown",
                Fix(f"read it: helm -n {self._namespace} get manifest {self._name}; {self._left}"),
            )
        except KubeError as error:
            if error.kind != "forbidden":
                raise explain_error(error) from None
            return StepStatus(
                "unknown",
                f"cannot see whose the objects of release {self._name} are: {error.message}",
                Fix(f"ask for the right to read them; {self._left}"),
            )
        asked = self._ask_owner(last)
        refusals = [*contents.list_refusals(self._target, live), *([data] if data else [])]
        refused = [one for one in refusals if not isinstance(one, UnknownOwnerStatus)]
        if refused:
            return merge_statuses(refused, "")
        doubts = [*([asked] if asked else []), *refusals]
        if doubts:
            return self._settle(doubts)
        return StepStatus(
            "wanted",
            f"release {self._name} is installed, revision {last.number}, with {len(live)} objects",
            diff=contents.format_live(live),
        )

    def _settle(self, doubts: Sequence[StepStatus]) -> StepStatus:
        """Return one question for all objects of unknown owners, or that the operator said yes."""
        one = UnknownOwnerStatus(
            "blocked", "; ".join(one.detail for one in doubts), Fix(self._left),
            "\n".join(one.diff for one in doubts),
        )  # fmt: skip
        return settle_unknown([one], UNINSTALL, self._target.agreed.get(UNINSTALL, ""))[0]

    @property
    def _left(self) -> str:
        return f"to uninstall it, its owner runs: helm -n {self._namespace} uninstall {self._name}"

    def _ask_owner(self, last: Revision) -> StepStatus | None:
        """Return the question for a release without source; None if it is proven to be ours."""
        owner = judge_revision(last, self._target)
        if owner.is_ours:
            return None
        return UnknownOwnerStatus(
            "blocked",
            f"release {self._name} (revision {last.number}) {owner.reason}; not uninstalled",
            Fix(self._left),
            f"release {self._namespace}/{self._name} revision {last.number} {last.version}",
        )

    def _find_obstacle(self, found: list[Revision]) -> StepStatus | None:
        last = found[-1]
        shown = f"release {self._name} (revision {last.number}, {sanitize_message(last.status)})"
        if not last.own:
            return StepStatus(
                "blocked",
                f"{shown} is not managed by this wizard; not uninstalled",
                Fix(self._left),
            )
        owner = judge_revision(last, self._target)
        if owner.whose == "another's":
            return StepStatus(
                "blocked",
                f"{shown} belongs to another installation or repository; not uninstalled",
                Fix(f"run this there; or, {self._left}"),
            )
        if last.is_pending and not is_recoverable(found):
            return StepStatus(
                "blocked",
                f"{shown} is locked by another helm that is running or has died",
                Fix("wait until it ends"),
            )
        if self._exact and not last.is_pending and not is_made_by_run(found):
            return StepStatus(
                "blocked",
                f"{shown} was created by another helm after the last apply; not uninstalled",
                Fix(
                    "restore the committed state first: airflow-wizard apply; or uninstall it: "
                    f"helm -n {self._namespace} uninstall {self._name}"
                ),
            )
        return None

    async def change(self) -> str:
        """Uninstall the release; does not wait for its pods."""
        await self._act()
        return f"uninstalled release {self._name}"

    async def dry_run_change(self) -> str:
        """Run `helm uninstall --dry-run` and return a summary."""
        await self._act("--dry-run")
        return f"helm would uninstall release {self._name}"

    async def _act(self, *more: str) -> None:
        await self._helm.act(
            "uninstall", self._name, "--namespace", self._namespace,
            "--timeout", f"{UNINSTALL_SECONDS}s", *more, seconds=UNINSTALL_SECONDS + 60.0,
        )  # fmt: skip


def require_gone(target: Target) -> None:
    """Raise ConflictError unless the release is gone; its files are needed until then."""
    name = target.release.names.release
    if target.kube is None:
        raise ConflictError(
            f"cannot tell whether release {name} is gone: no cluster", "name it with --context"
        )
    try:
        found = list_revisions(target.kube, target.release.namespace, name)
    except KubeError as error:
        raise ConflictError(
            f"cannot tell whether release {name} is gone: {error.message}", error.fix
        ) from None
    if found and found[-1].status != "uninstalled":
        raise ConflictError(
            f"release {name} still exists", "wait until it is uninstalled, then run this again"
        )
