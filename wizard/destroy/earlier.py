"""The step that says what earlier answers left behind, in places that the present ones do not name.

A removal only looks where the committed files point. After `set` has changed a namespace, a release
or a path of the store, the objects of the old place still exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from wizard.answers.files import answers_data
from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Ref, format_kind
from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix, WizardError
from wizard.formats.shell import quote
from wizard.formats.terminal import escape_unprintable
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.ownership import read_source
from wizard.plan.claims import derive_claims
from wizard.systems.cluster.object_removal import read_object
from wizard.systems.cluster.objects import explain_error
from wizard.systems.cluster.ownership import kubectl_delete
from wizard.systems.cluster.source import judge_object
from wizard.workspace.earlier import (
    find_history_gap,
    list_earlier_answers,
    list_earlier_versions,
)

if TYPE_CHECKING:
    from wizard.plan.claims import Claims
    from wizard.systems.target import Target
    from wizard.workspace.earlier import EarlierAnswers

EARLIER = "remove.earlier"
_EXISTS = "exists"
# Kinds whose objects show that an installation is still in a namespace; by source, or by label.
_BY_SOURCE = (("external-secrets.io/v1", "ExternalSecret"), ("v1", "ServiceAccount"))
_BY_LABEL = (
    ("v1", "PersistentVolumeClaim"), ("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"),
)  # fmt: skip
_APPLICATION = ("argoproj.io/v1alpha1", "Application")
_PROJECT = ("argoproj.io/v1alpha1", "AppProject")
# Failures that are about the cluster as a whole, not about one object.
_NO_ANSWER = ("unreachable", "tls", "login")
# Kinds that the answers lead to, or that have a step of their own.
_OTHERWISE = ("Application", "AppProject", "Namespace")


def build_earlier_step(target: Target) -> Step:
    """Return the step that names what is left in places of earlier answers; it deletes nothing."""

    def look() -> StepStatus:
        own = derive_claims(answers_data(target.answers), target.repository.prefix)
        lines: list[str] = []
        fixes: list[Fix] = []
        for one in list_earlier_answers(target.repository, target.release.installation, own):
            found = list(_list_left(target, one.claims, own))
            lines += [f"commit {one.commit[:12]}: {line}" for line in found]
            fixes += [_explain(one)] if found else []
        if dropped := _list_dropped(target):
            lines += [
                escape_unprintable(f"{ref}, of an earlier commit, {what}")
                for ref, what in dropped.items()
            ]
            if standing := [ref for ref, what in dropped.items() if what == _EXISTS]:
                command = kubectl_delete(standing)
                fixes.append(Fix(f"to delete what files no longer name: {command}"))
        folders = (target.release.paths.apps, target.release.paths.argocd)
        if gap := find_history_gap(target.repository, target.release.installation, folders):
            lines.append(f"{gap.reason}: the history may name other places and objects")
            again = ", then run this again" if gap.fetches else ""
            fixes.append(Fix(f"to see the history, run {gap.command}{again}"))
        if not lines:
            return StepStatus("holds", "no earlier answers named other places or objects")
        return StepStatus("kept", "; ".join(dict.fromkeys(lines)), Fix.join(fixes))

    return Step(
        EARLIER,
        "Look for what earlier answers left behind",
        "me",
        str(target.repository.top),
        wrap_blocking(look),
        independent=True,
    )


def _explain(one: EarlierAnswers) -> Fix:
    place = quote(f"../before-{one.commit[:7]}")
    return Fix(
        f"to remove it after this run: git clone . {place} && git -C {place} reset --hard "
        f"{one.commit[:12]}, then airflow-wizard --repo {place} destroy; or ask the owners of the "
        "places to delete it"
    )


def _list_left(target: Target, claims: Claims, own: Claims) -> Iterator[str]:
    """Yield what earlier answers may have left; the cluster is looked at, the store is not."""
    if (claims.namespace, claims.release) != (own.namespace, own.release) and target.kube:
        yield from _list_objects(target, target.kube, claims)
    if target.argocd:
        refs = [
            *(Ref(*_APPLICATION, name, claims.argocd) for name in sorted(claims.applications)),
            *(Ref(*_PROJECT, name, claims.argocd) for name in sorted(claims.projects)),
        ]
        now = own.argocd, own.applications | own.projects
        for ref in refs:
            if ref.namespace == now[0] and ref.name in now[1]:
                continue
            if what := _describe_object(target, target.argocd, ref):
                yield escape_unprintable(f"{ref} {what}")
    # Another server or namespace has everything of its own.
    is_elsewhere = any(claims.vault) and claims.vault != own.vault
    where = f" in {' '.join(filter(None, claims.vault))}" if is_elsewhere else ""
    places, roles = _list_places(claims), _list_roles(claims)
    if not is_elsewhere:
        places, roles = places - _list_places(own), roles - _list_roles(own)
    for mount, path in sorted(places):
        named = escape_unprintable(f"{mount}/{path}{where}")
        yield f"the store may still have {named} (not looked at)"
    for mount, role in sorted(roles):
        named = escape_unprintable(f"role {role} at {mount}{where}")
        yield f"the store may still have {named}, with its policy (not looked at)"


def _list_places(claims: Claims) -> set[tuple[str, str]]:
    """Return the payloads in the store, as mount and path."""
    return {(claims.mount, path) for path in (claims.path, claims.reader_path) if path}


def _list_roles(claims: Claims) -> set[tuple[str, str]]:
    """Return the roles in the store, each with its auth mount."""
    roles = (
        (claims.auth_mount, claims.role),
        (claims.auth_mount, claims.runtime),
        (claims.reader_mount or claims.auth_mount, claims.reader),
    )
    return {one for one in roles if all(one)}


def _list_dropped(target: Target) -> dict[Ref, str]:
    """Return objects that only earlier versions of our files name, each with what is said of it.

    Those are left out that do not exist or are not ours.

    Helm knows nothing of the manifests beside the chart, and Argo CD keeps the ExternalSecrets.
    """
    paths = target.release.paths
    found: dict[Ref, str] = {}
    clusters = ((paths.apps, "secrets/", target.kube), (paths.argocd, "argocd/", target.argocd))
    for folder, logical, kube in clusters:
        if kube is None:
            continue
        named = {_read_ref(text) for text in target.files_under(logical).values()}
        places = {"", target.release.namespace, target.release.controller_namespace}
        for _, data in list_earlier_versions(target.repository, [folder]).values():
            ref = _read_ref(data.decode("utf-8", "replace"))
            if ref is None or ref in named or ref in found or ref.namespace not in places:
                continue
            if ref.kind not in _OTHERWISE:
                found[ref] = _describe_object(target, kube, ref)
    return {ref: what for ref, what in found.items() if what}


def _read_ref(text: str) -> Ref | None:
    """Return the object that a manifest names; None for any other file, also of other programs."""
    try:
        one = read_mapping(text, "an earlier manifest")
    except WizardError:
        return None
    about = one.get("metadata")
    if not isinstance(about, Mapping):
        return None
    names = (one.get("apiVersion"), one.get("kind"), about.get("name"))
    if not all(isinstance(name, str) and name for name in names):
        return None
    return Ref.from_manifest(one) if isinstance(about.get("namespace", ""), str) else None


def _list_objects(target: Target, kube: Kube, claims: Claims) -> Iterator[str]:
    namespace = escape_unprintable(claims.namespace)
    own = target.release.owner_id
    try:
        for api, kind in _BY_SOURCE:
            found = _find(kube, api, kind, claims.namespace)
            if count := sum(read_source(one) == own != "" for one in found):
                what = f"{count} {format_kind(kind, count)}"
                yield f"namespace {namespace} has {what} of this installation"
        for api, kind in _BY_LABEL:
            labels = f"release={claims.release},tier=airflow"
            if count := len(_find(kube, api, kind, claims.namespace, labels)):
                what = f"{count} {format_kind(kind, count)}"
                release = escape_unprintable(claims.release)
                yield f"namespace {namespace} has {what} of release {release}"
    except KubeError as error:
        yield f"namespace {namespace} {_describe_unseen(error)}"


def _find(
    kube: Kube, api: str, kind: str, namespace: str, labels: str = ""
) -> list[dict[str, object]]:
    try:
        return kube.find(api, kind, namespace, labels=labels, metadata=True)
    except KubeError as error:
        if error.kind == "missing":
            return []
        raise


def _describe_object(target: Target, kube: Kube, ref: Ref) -> str:
    """Return what is said of an object; empty if it does not exist or is not ours."""
    try:
        found = read_object(kube, ref)
    except KubeError as error:
        return _describe_unseen(error)
    is_ours = found is not None and judge_object(found, target.release.owner_id).is_ours
    return _EXISTS if is_ours else ""


def _describe_unseen(error: KubeError) -> str:
    """Return that something was not looked at, and why; raises what one object does not explain.

    An old version of a kind may not be served any more, and a login may not see everything: neither
    may stop a removal for ever, and neither shows that nothing is left.
    """
    if error.kind in _NO_ANSWER:
        raise explain_error(error) from None
    return f"was not looked at: {error.message}"
