"""Whose an object is that Argo CD delivers: the mark on it names the Application.

A tracking id is `<application>:<group>/<kind>:<namespace>/<name>`. The application is its name, or
`<namespace>_<name>` for one outside the namespace of Argo CD itself. Argo CD ignores an id that
names another object, because programs copy annotations.
Source: Argo CD, util/argo/resource_tracking.go (AppInstanceValue), and Application.InstanceName.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.deliveries.argocd.manifests import API_VERSION
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.ownership import Ownership, judge_source, read_source
from wizard.systems.argocd.application import application_names
from wizard.systems.cluster.source import judge_object

if TYPE_CHECKING:
    from wizard.systems.target import Target

TRACKING = "argocd.argoproj.io/tracking-id"
INSTANCE = "app.kubernetes.io/instance"


def find_tracking_application(found: Mapping[str, Any]) -> str:
    """Return the Application that marks an object, as the mark spells it; empty if none."""
    about = found["metadata"]
    mark = str((about.get("annotations") or {}).get(TRACKING) or "").partition(":")[0]
    return mark or str((about.get("labels") or {}).get(INSTANCE) or "")


def names_object(found: Mapping[str, Any], ref: Ref) -> bool:
    """Return whether an object's tracking id names the object itself.

    For objects without a namespace, Argo CD writes the Application's destination namespace.
    """
    mark = str((found["metadata"].get("annotations") or {}).get(TRACKING) or "")
    _, _, rest = mark.partition(":")
    kind, _, place = rest.partition(":")
    group = ref.api_version.rpartition("/")[0]
    namespace, _, name = place.partition("/")
    return (
        kind == f"{group}/{ref.kind}"
        and name == ref.name
        and (not ref.namespace or namespace == ref.namespace)
    )


def application_marks(target: Target) -> dict[str, str]:
    """Return the names of our Applications by the marks that Argo CD writes for them."""
    namespace = argocd_answers(target.answers.delivery).namespace
    names = application_names(target)
    return {**{name: name for name in names}, **{f"{namespace}_{name}": name for name in names}}


def judge_delivered(target: Target, found: KubeObject, ref: Ref) -> Ownership:
    """Return whose an object is: by its own source, else by the Application that delivers it.

    Raises KubeError if Argo CD's Applications cannot be read.
    """
    own = target.release.owner_id
    if read_source(found):
        return judge_source(read_source(found), own)
    mark = find_tracking_application(found)
    by_annotation = TRACKING in (found["metadata"].get("annotations") or {})
    if by_annotation and not names_object(found, ref):
        return judge_object(found, own)
    name = application_marks(target).get(mark, "") if target.release.gitops else ""
    if by_annotation and not name:
        return Ownership("another's", f"is delivered by Application {mark}")
    if not name:
        return judge_object(found, own)
    owner = judge_application(target, name)
    # Any chart may set the label; Argo CD's own list of delivered objects proves it.
    if by_annotation or (owner.is_ours and _is_listed(target, name, ref)):
        return owner
    if has_release_label(found, target) and owner.whose != "another's":
        return Ownership("unknown", f"has the label of Application {name}, which any chart may set")
    return judge_object(found, own)


def has_release_label(found: Mapping[str, Any], target: Target) -> bool:
    """Return whether an object has the chart's label for our release, as any object may."""
    labels = found["metadata"].get("labels") or {}
    return bool(labels.get("release") == target.release.names.release)


def is_tracked(found: Mapping[str, Any], target: Target) -> bool:
    """Return whether a mark names one of our Applications; the object may be another's."""
    if find_tracking_application(found) not in application_marks(target):
        return False
    notes = found["metadata"].get("annotations") or {}
    return TRACKING in notes or has_release_label(found, target)


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
    own, verdict = target.release.owner_id, None
    for logical, text in target.files_under("secrets/").items() if target.kube else ():
        ref = Ref.from_manifest(read_mapping(text, logical))
        found = _read(target.kube, ref) if target.kube else None
        if found is None or application_marks(target).get(find_tracking_application(found)) != name:
            continue
        if not read_source(found) or not names_object(found, ref):
            continue
        verdict = judge_source(read_source(found), own)
        if not verdict.is_ours:
            return verdict
    return verdict or Ownership(
        "unknown", f"was delivered by an Application {name} that does not exist any more"
    )


def _is_listed(target: Target, name: str, ref: Ref) -> bool:
    found = _read_application(target, name) or {}
    group = ref.api_version.rpartition("/")[0]
    wanted = (group, ref.kind, ref.namespace, ref.name)
    return any(
        (
            str(one.get("group") or ""),
            one.get("kind"),
            str(one.get("namespace") or ""),
            one.get("name"),
        )
        == wanted
        for one in (found.get("status") or {}).get("resources") or []
    )
