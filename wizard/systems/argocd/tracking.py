"""Whose an object is that Argo CD delivers: the mark on it names the Application.

A tracking id is `<application>:<group>/<kind>:<namespace>/<name>`. The application is its name, or
`<namespace>_<name>` for one outside the namespace of Argo CD itself. Argo CD ignores an id that
names another object, because programs copy annotations. Several Argo CDs that deploy to one cluster
tell their objects apart by an installation id, which argocd-cm sets.
Source: Argo CD, util/argo/resource_tracking.go (AppInstanceValue, GetAppName), and
Application.InstanceName.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.deliveries.argocd.manifests import API_VERSION
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.ownership import Ownership, judge_source, read_source
from wizard.systems.argocd.application import application_names
from wizard.systems.cluster.source import is_source_copied, judge_object

if TYPE_CHECKING:
    from wizard.systems.target import Target

TRACKING = "argocd.argoproj.io/tracking-id"
INSTANCE = "app.kubernetes.io/instance"
INSTALLATION = "argocd.argoproj.io/installation-id"
_CONFIG = "argocd-cm"
_HELM = ("name", "namespace")
# Keys of what a run has read about Argo CD; see `Target.observed`.
_OWN_INSTALLATION, _PREFIX, _UNREADABLE = "argocd.installation", "argocd.prefix", "?"


def find_tracking_application(found: Mapping[str, Any]) -> str:
    """Return the Application that marks an object, as the mark spells it; empty if none."""
    about = found["metadata"]
    mark = str((about.get("annotations") or {}).get(TRACKING) or "").partition(":")[0]
    return mark or str((about.get("labels") or {}).get(INSTANCE) or "")


def names_object(found: Mapping[str, Any], ref: Ref) -> bool:
    """Return whether an object's tracking id names the object itself.

    For objects without a namespace, Argo CD writes the Application's destination namespace.
    """
    kind, namespace, name = _split_id(found)
    group = ref.api_version.rpartition("/")[0]
    return (
        kind == f"{group}/{ref.kind}"
        and name == ref.name
        and (not ref.namespace or namespace == ref.namespace)
    )


def _split_id(found: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return group and kind, namespace, and name of a tracking id."""
    mark = str((found["metadata"].get("annotations") or {}).get(TRACKING) or "")
    kind, _, place = mark.partition(":")[2].partition(":")
    namespace, _, name = place.partition("/")
    return kind, namespace, name


def application_marks(target: Target) -> dict[str, str]:
    """Return the names of our Applications by the marks that Argo CD may write for them.

    An Application has one of the two marks; the other belongs to an Application of the same name in
    a different namespace.
    """
    namespace = argocd_answers(target.answers.delivery).namespace
    names = application_names(target)
    return {**{name: name for name in names}, **{f"{namespace}_{name}": name for name in names}}


def judge_delivered(target: Target, found: KubeObject, ref: Ref) -> Ownership:
    """Return whose an object is: by its own source, else by the Application that delivers it.

    Raises KubeError if Argo CD's Applications cannot be read.
    """
    own = target.release.owner_id
    if read_source(found):
        owner = judge_source(read_source(found), own)
        if owner.is_ours and has_copied_marks(target, found, ref):
            return Ownership("another's", "was made by hand from a copy of this installation's")
        adopter = find_adopter(target, found, ref) if owner.is_ours else ""
        if adopter:
            return Ownership("unknown", f"was made by this installation, but is {adopter} by now")
        return owner
    mark = find_tracking_application(found)
    by_annotation = TRACKING in (found["metadata"].get("annotations") or {})
    if by_annotation and not names_object(found, ref):
        return judge_object(found, own)
    if by_annotation and not ref.namespace:
        # An Application of this name that deploys to another namespace has such objects too.
        _, place, _ = _split_id(found)
        if place != target.release.namespace:
            return Ownership("another's", f"is delivered by Application {mark} for {place}")
    name = application_marks(target).get(mark, "") if target.release.gitops else ""
    if by_annotation and not name:
        return Ownership("another's", f"is delivered by Application {mark}")
    if not name:
        return judge_object(found, own)
    if doubt := _doubt_mark(target, found, mark, name):
        return doubt
    owner = judge_application(target, name)
    if by_annotation:
        return owner
    return _judge_labelled(target, found, ref, name, owner)


def find_adopter(target: Target, found: Mapping[str, Any], ref: Ref) -> str:
    """Return who took over an object, as the predicate of a sentence; empty if nobody did.

    Others adopt what exists: `helm upgrade --take-ownership`, an Application that renders an object
    of this name, or an owner that a controller or a person sets.
    """
    about = found["metadata"]
    notes = about.get("annotations") or {}
    mark = find_tracking_application(found)
    ours = application_marks(target) if target.release.gitops else {}
    if TRACKING in notes and names_object(found, ref) and mark not in ours:
        return f"delivered by Application {mark}"
    release, place = (str(notes.get(f"meta.helm.sh/release-{one}") or "") for one in _HELM)
    own = target.release.names.release, target.release.namespace
    if release and (release, place) != own:
        return f"part of Helm release {place}/{release}"
    for one in about.get("ownerReferences") or []:
        return f"owned by {one.get('kind')} {one.get('name')}"
    return ""


def has_copied_marks(target: Target, found: KubeObject, ref: Ref) -> bool:
    """Return whether an object only has a copy of our source, as a person makes one.

    The committed files name their objects. Of the others, for example those of earlier files, what
    our Application delivers is ours, and what our programs wrote.
    """
    if ref in _list_named(tuple(target.files_under("secrets/").items())):
        return False
    if TRACKING in (found["metadata"].get("annotations") or {}):
        return not (names_object(found, ref) and is_marked(found, target))
    return is_source_copied(found)


@lru_cache(maxsize=8)
def _list_named(texts: tuple[tuple[str, str], ...]) -> frozenset[Ref]:
    """Return the objects that manifests name."""
    return frozenset(Ref.from_manifest(read_mapping(text, name)) for name, text in texts)


def _judge_labelled(
    target: Target, found: KubeObject, ref: Ref, name: str, owner: Ownership
) -> Ownership:
    """Return whose an object is that only a label marks, which any chart may set.

    Argo CD's own list of what the Application renders proves it. The list is deleted with the
    Application, so a proof is remembered during the run.
    """
    uid = str(found["metadata"].get("uid"))
    if uid in target.verdicts:
        return target.verdicts[uid]
    if owner.is_ours and _is_rendered(target, name, ref):
        target.verdicts[uid] = owner
        return owner
    if has_release_label(found, target) and owner.whose != "another's":
        return Ownership("unknown", f"has the label of Application {name}, which any chart may set")
    return judge_object(found, target.release.owner_id)


def _doubt_mark(target: Target, found: KubeObject, mark: str, name: str) -> Ownership | None:
    """Return whose an object may be although it has the name of our Application; None if ours."""
    seen = str((found["metadata"].get("annotations") or {}).get(INSTALLATION) or "")
    own = _read_installation(target)
    if seen != own and own != _UNREADABLE and seen:
        return Ownership("another's", f"is delivered by a different Argo CD, {INSTALLATION} {seen}")
    if seen != own and (seen or own != _UNREADABLE):
        return Ownership(
            "unknown", f"may be delivered by a different Argo CD: its {INSTALLATION} is not proven"
        )
    spelling = _read_spelling(target, name)
    if not spelling:
        return Ownership(
            "unknown", f"is marked by {mark}, which may be an Application in a different namespace"
        )
    if mark != spelling:
        return Ownership("another's", f"is delivered by Application {mark}")
    return None


def _read_installation(target: Target) -> str:
    """Return the installation id of our Argo CD; empty if it sets none, "?" if not readable."""
    known = target.observed.get(_OWN_INSTALLATION)
    if known is not None:
        return known
    namespace, found = argocd_answers(target.answers.delivery).namespace, _UNREADABLE
    if target.argocd is not None:
        try:
            config = target.argocd.get(Ref("v1", "ConfigMap", _CONFIG, namespace)) or {}
            found = str((config.get("data") or {}).get("installationID") or "")
        except KubeError as error:
            if error.kind != "forbidden":
                raise
    target.observed[_OWN_INSTALLATION] = found
    return found


def _read_spelling(target: Target, name: str) -> str:
    """Return the mark of our Application as its Argo CD spells it; empty if nothing tells."""
    if _PREFIX not in target.observed:
        prefix = _find_prefix(target)
        if prefix is None:
            return ""
        target.observed[_PREFIX] = prefix
    return f"{target.observed[_PREFIX]}{name}"


def _find_prefix(target: Target) -> str | None:
    """Return what Argo CD writes before the names of our Applications; None if nothing tells.

    A live Application names the namespace of its controller. Without that, the objects that they
    delivered and that name our source have the mark.
    """
    namespace, names = argocd_answers(target.answers.delivery).namespace, application_names(target)
    for name in names:
        status = (_read_application(target, name) or {}).get("status") or {}
        if controller := str(status.get("controllerNamespace") or ""):
            return "" if controller == namespace else f"{namespace}_"
    own = target.release.owner_id
    found = {
        find_tracking_application(one).removesuffix(name)
        for name in names
        for one in list_delivered(target, name)
        if judge_source(read_source(one), own).is_ours
    }
    return found.pop() if len(found) == 1 else None


def has_release_label(found: Mapping[str, Any], target: Target) -> bool:
    """Return whether an object has the chart's label for our release, as any object may."""
    labels = found["metadata"].get("labels") or {}
    return bool(labels.get("release") == target.release.names.release)


def is_tracked(found: Mapping[str, Any], target: Target) -> bool:
    """Return whether a mark names one of our Applications; the object may be another's.

    A label counts only with the label of our release.
    """
    notes = found["metadata"].get("annotations") or {}
    return is_marked(found, target) and (TRACKING in notes or has_release_label(found, target))


def is_marked(found: Mapping[str, Any], target: Target) -> bool:
    """Return whether Argo CD may delete an object with one of our Applications, by its mark."""
    return find_tracking_application(found) in application_marks(target)


def judge_application(target: Target, name: str) -> Ownership:
    """Return whose one of our Applications is, also after its deletion.

    The live Application decides. Without it, the objects do that it delivered and that name their
    source. A proof is remembered during the run, which deletes both.
    """
    known = target.verdicts.get(name)
    if known is not None:
        return known
    found = _read_application(target, name)
    if found is not None:
        owner = judge_object(found, target.release.owner_id)
    else:
        owner = _judge_by_objects(target, name)
    if owner.whose != "unknown":
        target.verdicts[name] = owner
    return owner


def _read_application(target: Target, name: str) -> KubeObject | None:
    if target.argocd is None:
        return None
    namespace = argocd_answers(target.answers.delivery).namespace
    return _read(target.argocd, Ref(API_VERSION, "Application", name, namespace))


def _read(kube: Kube, ref: Ref) -> KubeObject | None:
    try:
        return kube.get(ref)
    except KubeError as error:
        if error.kind == "missing":
            return None
        raise


def _judge_by_objects(target: Target, name: str) -> Ownership:
    """Return whose a deleted Application was, from the sources of the objects it delivered."""
    verdict = None
    for found in list_delivered(target, name):
        verdict = judge_source(read_source(found), target.release.owner_id)
        if not verdict.is_ours:
            return verdict
    return verdict or Ownership(
        "unknown", f"was delivered by an Application {name} that does not exist any more"
    )


def list_delivered(target: Target, name: str) -> Iterator[KubeObject]:
    """Yield the committed manifests that an Application delivered and that name their source."""
    marks = application_marks(target)
    for ref, found in list_manifests(target):
        if marks.get(find_tracking_application(found)) != name:
            continue
        if read_source(found) and names_object(found, ref):
            yield found


def list_delivered_by_source(target: Target) -> Iterator[KubeObject]:
    """Yield the committed manifests in the cluster that are ours, whatever mark Argo CD writes.

    Only Argo CD creates them. One that names no source counts if it is marked as ours. Raises
    KubeError if they cannot be read.
    """
    own, marks = target.release.owner_id, application_marks(target)
    for _, found in list_manifests(target):
        source = read_source(found)
        if judge_source(source, own).is_ours or (
            not source and find_tracking_application(found) in marks
        ):
            yield found


def list_other_installations(target: Target, delivered: Iterable[KubeObject]) -> list[str]:
    """Return the installation ids of Argo CD on these objects that are not our Argo CD's."""
    seen = {
        str(mark)
        for one in delivered
        if (mark := (one["metadata"].get("annotations") or {}).get(INSTALLATION))
    }
    own = _read_installation(target) if seen else ""
    return [] if own == _UNREADABLE else sorted(seen - {own})


def list_manifests(target: Target) -> Iterator[tuple[Ref, KubeObject]]:
    """Yield the committed manifests that exist in Airflow's cluster, as they are there."""
    for logical, text in target.files_under("secrets/").items() if target.kube else ():
        ref = Ref.from_manifest(read_mapping(text, logical))
        found = _read(target.kube, ref) if target.kube else None
        if found is not None:
            yield ref, found


def _is_rendered(target: Target, name: str, ref: Ref) -> bool:
    """Return whether Argo CD lists an object as one that the Application's sources render.

    It also lists marked objects that no source renders, as those to prune.
    """
    group = ref.api_version.rpartition("/")[0]
    return any(
        not one.get("requiresPruning")
        and (str(one.get("group") or ""), one.get("kind"), one.get("name"))
        == (group, ref.kind, ref.name)
        and str(one.get("namespace") or "") == ref.namespace
        for one in list_resources(_read_application(target, name) or {})
    )


def list_resources(application: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the objects that Argo CD says an Application manages, as in its status."""
    return list((application.get("status") or {}).get("resources") or [])
