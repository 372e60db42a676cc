"""Removal of the objects that `apply` created for Argo CD: projects, known hosts, the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeConflictError, KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.deliveries.argocd.manifests import CREDENTIAL_REMOVAL
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.argocd.steps import HUB
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError, Fix, WizardError
from wizard.formats.addresses import parse_git_url
from wizard.formats.terminal import escape_unprintable
from wizard.systems.argocd import store_credential
from wizard.systems.argocd.known_hosts import (
    CONFIG_MAP,
    build_config_map,
    format_repository_host,
    known_hosts_recorder,
    read_added_lines,
    read_known_hosts,
)
from wizard.systems.argocd.steps import guard_manifests, project_manifests
from wizard.systems.argocd.tracking import find_tracking_application
from wizard.systems.argocd.users import (
    find_host_secrets,
    find_namespace_users,
    find_project_secrets,
    find_project_users,
    find_repository_users,
    is_same_repository,
    may_be_host,
    may_be_repository,
    refuse_unseen,
    refuse_used,
)
from wizard.systems.cluster.dependents import check_dependents
from wizard.systems.cluster.external_secrets import FRESH_MINUTES, is_just_synced
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
    ask_unseen,
    build_source_judge,
    build_unchanged_judge,
    join_judges,
    join_refusals,
    kubectl_delete,
)
from wizard.systems.cluster.store_users import refuse_used_store

if TYPE_CHECKING:
    from wizard.systems.cluster.objects import CommittedManifest
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import Target

_ROUNDS = 3
_STORE = "SecretStore"


def build_argocd_removal(
    target: Target, *, exact: bool, session: StoreLogin | None = None
) -> tuple[Step, ...]:
    """Return the removal steps, in the reverse order of creation.

    With `exact` (for an undo), an object that was changed after `apply` is not deleted. `session`
    shows whether the store has the credential that goes; None if it need not.
    """
    # An existing project has no file here, and stays.
    found = [_build_project_removal(target, exact=exact)] if project_manifests(target) else []
    if store_credential.has_store_credential(target):
        found.append(_build_credential_removal(target, session, exact=exact))
    if parse_git_url(argocd_answers(target.answers.delivery).repo_url).scheme == "ssh":
        found.append(_build_known_hosts_removal(target))
    if guard_manifests(target):
        found.append(_build_guard_removal(target, exact=exact))
    return tuple(found)


def _build_judge(target: Target, sources: list[CommittedManifest], *, exact: bool) -> Judge:
    return build_unchanged_judge(target, sources) if exact else build_source_judge(target)


def _build_project_removal(target: Target, *, exact: bool) -> Step:
    sources = project_manifests(target)
    found = [Ref.from_manifest(source.manifest()) for source in sources]
    own = _build_judge(target, sources, exact=exact)

    def removal(kube: Kube) -> Removal:
        judge = join_judges(
            own, _check_delivery, lambda one, ref: _check_usage(kube, target, one, ref)
        )
        return Removal(kube, lambda: found, judge)

    called = ", ".join(ref.name for ref in found)
    return build_removal_step(
        "remove.project",
        f"Remove AppProject {called}",
        "platform",
        target.argocd,
        removal,
        left=kubectl_delete(found),
        agreed=target.agreed,
        alone=True,
    )


def _check_delivery(found: KubeObject, ref: Ref) -> StepStatus | None:
    owner = find_tracking_application(found)
    if not owner:
        return None
    return StepStatus(
        "blocked",
        f"{ref} is delivered by Application {escape_unprintable(owner)}, which would bring it back",
        Fix("remove it from the objects that this Application delivers, then run it again"),
    )


def _check_usage(kube: Kube, target: Target, found: KubeObject, ref: Ref) -> StepStatus | None:
    # Argo CD lets Applications of other namespaces use a project only if it lists them.
    everywhere = bool((found.get("spec") or {}).get("sourceNamespaces"))
    try:
        users = find_project_users(kube, target, ref, "" if everywhere else ref.namespace)
    except KubeError as error:
        return refuse_unseen(ref, error, kubectl_delete([ref]))
    used = refuse_used(ref, found, users, "")
    return join_refusals(used, _check_secrets(kube, target, ref))


def _check_secrets(kube: Kube, target: Target, ref: Ref) -> StepStatus | None:
    """Return why a project stays that Secrets of Argo CD name; a question if they are unseen."""
    url = argocd_answers(target.answers.delivery).repo_url
    try:
        names = find_project_secrets(kube, ref, url)
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return ask_unseen(f"whether Secrets in {ref.namespace} are for {ref}", error)
    if not names:
        return None
    return StepStatus(
        "blocked",
        f"{ref} is used by {', '.join(names)}; not deleted",
        Fix("ask their owner for a different project, then run it again"),
    )


def _build_credential_removal(target: Target, session: StoreLogin | None, *, exact: bool) -> Step:
    """Return the step that deletes Argo CD's store, after its ExternalSecret with the finalizer."""
    sources = store_credential.credential_manifests(target)[::-1]
    found = [Ref.from_manifest(source.manifest()) for source in sources]
    own = _build_judge(target, sources, exact=exact)
    url = argocd_answers(target.answers.delivery).repo_url

    def removal(kube: Kube) -> Removal:
        judge = join_judges(
            own,
            lambda one, ref: _check_readers(kube, target, one, ref, url),
            lambda one, ref: _check_dependents(kube, one, ref),
            lambda one, ref: _check_last_copy(kube, target, session, one, ref),
            lambda _one, ref: refuse_used_store(kube, ref, found, target.release.owner_id),
        )
        return Removal(kube, lambda: found, judge)

    return build_removal_step(
        CREDENTIAL_REMOVAL,
        "Remove Argo CD's credential for this repository, with its store",
        "platform",
        target.argocd,
        removal,
        left=kubectl_delete(found),
        agreed=target.agreed,
        patience=WAIT_FOR_SECRET_REMOVAL,
        alone=True,
        needs=(HUB.id,),
    )


def _check_dependents(kube: Kube, found: KubeObject, ref: Ref) -> StepStatus | None:
    """Block the removal of an ExternalSecret that also owns what others made."""
    if ref.kind != "ExternalSecret":
        return None
    own = {str(found["metadata"]["uid"]): found}
    refusal: StepStatus | None = None
    try:
        for one in check_dependents(kube, own, ref.namespace):
            refusal = join_refusals(refusal, one)
    except KubeError as error:
        return refuse_unseen(ref, error, kubectl_delete([ref]))
    return refusal


def _check_last_copy(
    kube: Kube, target: Target, session: StoreLogin | None, found: KubeObject, ref: Ref
) -> StepStatus | None:
    """Return why the credential stays: its Secret, which goes with it, may be the only copy."""
    if session is None or ref.kind != "ExternalSecret":
        return None
    (reader,) = target.answers.delivery.readers(target.release)
    stored = session.stored_keys(reader.id)
    why = f"will be deleted at {escape_unprintable(stored.expires)}" if stored else ""
    if stored is None:
        if is_just_synced(found, kube.read_clock()):
            return None
        unseen = WizardError(f"{ref} was not synced in the last {FRESH_MINUTES} minutes")
        return ask_unseen(f"whether the store has the credential of {ref}", unseen)
    data = (found.get("spec") or {}).get("data") or []
    wanted = {session.read_name(one.get("remoteRef") or {}, reader.id) for one in data}
    if missing := sorted(wanted - stored.names):
        why = f"does not hold {', '.join(map(escape_unprintable, missing))}"
    elif not stored.expires:
        return None
    return StepStatus(
        "blocked",
        f"the store {why}, so the Secret of {ref} may be the last copy of Argo CD's credential; "
        "not deleted",
        Fix(f"restore the value in the store; or, to delete it, {kubectl_delete([ref])}"),
    )


def _check_readers(
    kube: Kube, target: Target, found: KubeObject, ref: Ref, url: str
) -> StepStatus | None:
    """Block the removal while others read this repository with the credential, or its store."""
    try:
        users = find_repository_users(
            kube, target, ref.namespace, is_same_repository(url), may_be_repository(url)
        )
        others = find_namespace_users(kube, target, ref.namespace) if ref.kind == _STORE else []
    except KubeError as error:
        return refuse_unseen(ref, error, kubectl_delete([ref]))
    read = refuse_used(ref, found, users, " to read this repository")
    deployed = refuse_used(ref, found, others, f" to deploy into {ref.namespace}")
    return join_refusals(read, deployed)


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
        agreed=target.agreed,
        alone=True,
    )


def _build_known_hosts_removal(target: Target) -> Step:
    hosts = _KnownHostsRemoval(target)
    return build_cluster_step(
        "remove.known-hosts",
        f"Remove the added host keys of {hosts.name} from Argo CD's list",
        target.argocd,
        hosts.look,
        hosts.change,
        left=hosts.edit,
        alone=True,
    )


class _KnownHostsRemoval:
    """The removal of this installation's lines from the shared list; other lines are kept."""

    def __init__(self, target: Target) -> None:
        argo = argocd_answers(target.answers.delivery)
        self.name = format_repository_host(argo.repo_url)
        self._url = argo.repo_url
        self.ref = Ref("v1", "ConfigMap", CONFIG_MAP, argo.namespace)
        self._target = target
        self._recorder = known_hosts_recorder(target)
        self.edit = f"kubectl -n {argo.namespace} edit configmap {CONFIG_MAP}"

    def look(self, kube: Kube) -> StepStatus:
        """Check that this installation's lines are removed; lines that others may need are kept."""
        try:
            found = read_object(kube, self.ref)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            fix = Fix(f"ask Argo CD's admin to run: {self.edit}")
            return StepStatus("unknown", f"no permission to read {self.ref}", fix)
        added = read_added_lines(found, self._recorder) if found else ()
        if not added:
            earlier = read_added_lines(found, self._target.release.installation) if found else ()
            if earlier:
                return StepStatus(
                    "kept",
                    f"{len(earlier)} lines of {self.ref} were added for an installation of this "
                    "name, without saying of which repository",
                    Fix(f"remove them by hand: {self.edit}"),
                )
            return StepStatus("holds", "the list has no lines of this installation")
        if not self._recorder:
            return StepStatus(
                "kept",
                f"{len(added)} lines of {self.ref} were added by an installation that names no "
                "repository, as this one",
                Fix(f"remove them by hand: {self.edit}"),
            )
        using = self._find_user(kube)
        if using:
            return StepStatus("kept", f"{using}; {len(added)} lines are kept")
        there = (read_known_hosts(found) if found else "").splitlines()
        gone = "\n".join(f"-{escape_unprintable(line)}" for line in added if line in there)
        return StepStatus(
            "wanted", f"the list has {len(added)} lines of this installation", diff=gone
        )

    def _find_user(self, kube: Kube) -> str:
        """Return why others may need the lines; empty if none reads from this host."""
        try:
            users = find_repository_users(
                kube, self._target, self.ref.namespace, self._is_here, may_be_host(self._is_here)
            )
            secrets = find_host_secrets(kube, self.ref.namespace, self._url, self._is_here)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return (
                "no permission to see whether other Applications, ApplicationSets or Secrets read "
                "from this host"
            )
        for one in sorted(users, key=lambda one: not one.is_certain):
            return f"{one.name} {'also reads' if one.is_certain else 'may read'} from {self.name}"
        return f"{secrets[0]} is for a repository on {self.name}" if secrets else ""

    def _is_here(self, url: str) -> bool:
        try:
            return parse_git_url(url).scheme == "ssh" and format_repository_host(url) == self.name
        except ValueError:
            return False

    def change(self, kube: Kube) -> str:
        """Remove this installation's lines, only if the list did not change since it was read."""
        for _ in range(_ROUNDS):
            found = read_object(kube, self.ref)
            added = read_added_lines(found, self._recorder) if found else ()
            if found is None or not added:
                return "somebody else removed them in the meantime"
            kept = [line for line in read_known_hosts(found).splitlines(keepends=True)
                    if line.rstrip("\n") not in added]  # fmt: skip
            try:
                kube.replace(build_config_map(found, "".join(kept), self._recorder, ()))
            except KubeConflictError as error:
                if error.reason != "Conflict":
                    raise
                continue
            except KubeError as error:
                raise explain_error(error) from None
            return f"removed {len(added)} lines from {self.ref}"
        raise ConflictError(
            f"{self.ref} was changed by somebody else {_ROUNDS} times in a row", "try again later"
        )
