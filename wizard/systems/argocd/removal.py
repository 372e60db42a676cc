"""Removal of the objects that `apply` created for Argo CD: projects, known hosts, the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeConflictError, KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.deliveries.argocd.manifests import API_VERSION, CREDENTIAL_REMOVAL
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.deliveries.argocd.steps import HUB
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError, Fix
from wizard.formats.addresses import normalize_url, parse_git_url
from wizard.formats.terminal import escape_unprintable
from wizard.systems.argocd import store_credential
from wizard.systems.argocd.application_removal import repository_urls
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
    build_source_judge,
    build_unchanged_judge,
    join_judges,
    kubectl_delete,
)
from wizard.systems.cluster.source import judge_object
from wizard.systems.cluster.store_users import refuse_used_store

if TYPE_CHECKING:
    from wizard.systems.cluster.objects import CommittedManifest
    from wizard.systems.target import Target

_ROUNDS = 3


def build_argocd_removal(target: Target, *, exact: bool) -> tuple[Step, ...]:
    """Return the removal steps, in the reverse order of creation.

    With `exact` (for an undo), an object that was changed after `apply` is not deleted.
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
        listed = _list_other_applications(kube, target, "" if everywhere else ref.namespace)
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        why = f"no permission to see whether another Application uses {ref}; not deleted"
        return StepStatus(
            "blocked", why, Fix(f"ask Argo CD's admin to run: {kubectl_delete([ref])}")
        )
    using = [
        _format_application(one, ref.namespace)
        for one in listed
        if (one.get("spec") or {}).get("project") == ref.name
    ]
    if not using:
        return None
    return StepStatus(
        "blocked",
        f"{ref} is used by Application {', '.join(using)}; not deleted",
        Fix("move them to a different project, then run it again"),
    )


def _list_other_applications(kube: Kube, target: Target, namespace: str) -> list[KubeObject]:
    """Return the Applications in a namespace ("" for all) that are not proven to be ours."""
    own = target.release.owner_id
    return [
        one
        for one in kube.find(API_VERSION, "Application", namespace)
        if not judge_object(one, own).is_ours
    ]


def _application_namespaces(kube: Kube, namespace: str) -> str:
    """Return the namespace whose Applications this Argo CD follows; empty if it follows others too.

    Source: Argo CD, applications in any namespace (`application.namespaces`).
    """
    try:
        found = read_object(kube, Ref("v1", "ConfigMap", "argocd-cmd-params-cm", namespace)) or {}
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return ""
    return "" if (found.get("data") or {}).get("application.namespaces") else namespace


def _format_application(found: KubeObject, namespace: str) -> str:
    """Return an Application's name, with its namespace if that is a different one."""
    about = found["metadata"]
    place = "" if about["namespace"] == namespace else f"{about['namespace']}/"
    return escape_unprintable(f"{place}{about['name']}")


def _build_credential_removal(target: Target, *, exact: bool) -> Step:
    """Return the step that deletes Argo CD's store, after its ExternalSecret with the finalizer."""
    sources = store_credential.credential_manifests(target)[::-1]
    found = [Ref.from_manifest(source.manifest()) for source in sources]
    own = _build_judge(target, sources, exact=exact)
    url = normalize_url(argocd_answers(target.answers.delivery).repo_url)

    def removal(kube: Kube) -> Removal:
        judge = join_judges(
            own,
            lambda _one, ref: _check_readers(kube, target, ref, url),
            lambda _one, ref: refuse_used_store(kube, ref, found),
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


def _check_readers(kube: Kube, target: Target, ref: Ref, url: str) -> StepStatus | None:
    """Block the removal while another Application reads this repository with the credential."""
    try:
        using = [
            _format_application(one, ref.namespace)
            for one in _list_other_applications(
                kube, target, _application_namespaces(kube, ref.namespace)
            )
            if url in map(normalize_url, repository_urls(one))
        ]
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return StepStatus(
            "blocked",
            f"no permission to see whether another Application reads with {ref}; not deleted",
            Fix(f"ask Argo CD's admin to run: {kubectl_delete([ref])}"),
        )
    if not using:
        return None
    return StepStatus(
        "blocked",
        f"{ref} is also used by Application {', '.join(using)} to read this repository; "
        "not deleted",
        Fix("give Argo CD a different credential for it first, then run it again"),
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
        left=f"kubectl -n {hosts.ref.namespace} edit configmap {CONFIG_MAP}",
        alone=True,
    )


class _KnownHostsRemoval:
    """The removal of this installation's lines from the shared list; other lines are kept."""

    def __init__(self, target: Target) -> None:
        argo = argocd_answers(target.answers.delivery)
        self.name = format_repository_host(argo.repo_url)
        self.ref = Ref("v1", "ConfigMap", CONFIG_MAP, argo.namespace)
        self._target = target
        self._recorder = known_hosts_recorder(target)

    def look(self, kube: Kube) -> StepStatus:
        """Check that this installation's lines are removed; lines that others may need are kept."""
        try:
            found = read_object(kube, self.ref)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            command = f"kubectl -n {self.ref.namespace} edit configmap {CONFIG_MAP}"
            fix = Fix(f"ask Argo CD's admin to run: {command}")
            return StepStatus("unknown", f"no permission to read {self.ref}", fix)
        added = read_added_lines(found, self._recorder) if found else ()
        if not added:
            earlier = read_added_lines(found, self._target.release.installation) if found else ()
            if earlier:
                return StepStatus(
                    "kept",
                    f"{len(earlier)} lines of {self.ref} were added for an installation of this "
                    "name, without saying of which repository",
                    Fix(
                        f"remove them by hand: kubectl -n {self.ref.namespace} edit configmap "
                        f"{CONFIG_MAP}"
                    ),
                )
            return StepStatus("holds", "the list has no lines of this installation")
        using = self._find_user(kube)
        if using:
            return StepStatus("kept", f"{using}; {len(added)} lines are kept")
        there = (read_known_hosts(found) if found else "").splitlines()
        gone = "\n".join(f"-{escape_unprintable(line)}" for line in added if line in there)
        return StepStatus(
            "wanted", f"the list has {len(added)} lines of this installation", diff=gone
        )

    def _find_user(self, kube: Kube) -> str:
        """Return why another Application may need the lines; empty if none reads from this host."""
        try:
            listed = _list_other_applications(
                kube, self._target, _application_namespaces(kube, self.ref.namespace)
            )
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return "no permission to see whether other Applications read from this host"
        for one in listed:
            if any(self._is_here(url) for url in repository_urls(one)):
                name = _format_application(one, self.ref.namespace)
                return f"Application {name} also reads from {self.name}"
        return ""

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
