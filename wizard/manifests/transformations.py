"""The transformations of a kustomization: which may change the wizard's manifests.

No kustomize runs here. A transformation is accepted only if it is certain that it leaves every
guarded object as it was written. Source: the documentation of kustomize 5
(https://kubectl.docs.kubernetes.io/references/kustomize/kustomization), its default field
specifications (commonlabels.go, namereference.go), and the well-known annotations of Kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wizard.formats.nested import walk
from wizard.formats.yaml_untrusted import parse_yaml

# Returns the bytes of a file of the repository by its path; None if there is no such file.
Read = Callable[[str], bytes | None]
Faults = Iterator[tuple[str, str]]

_CHANGES = "kustomize would change objects that the answers decide about"
_UNKNOWN = "its effect on the store and the Secrets cannot be judged"
_SELECTORS = "kustomize would also change the selectors of objects that the answers decide about"
_GENERATED = "a Secret made from files in Git"
# Fields that change no object, and those that are judged with the files that they name.
_HARMLESS = frozenset(
    ("apiVersion", "kind", "metadata", "resources", "bases", "sortOptions", "generatorOptions")
)
# Options of an Argo CD Application's source that change no object by themselves.
_APPLICATION_OPTIONS = frozenset(
    (
        "version",
        "kubeVersion",
        "apiVersions",
        "commonAnnotationsEnvsubst",
        "forceCommonAnnotations",
        "forceCommonLabels",
        "ignoreMissingComponents",
        "labelIncludeTemplates",
        "labelWithoutSelector",
    )
)
_SECRET_KINDS = ("Secret", "SealedSecret", "SopsSecret", "ExternalSecret", "ClusterExternalSecret")
_SELECTING_KINDS = frozenset(
    (
        "NetworkPolicy",
        "Service",
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "ReplicationController",
        "Job",
        "CronJob",
        "PodDisruptionBudget",
    )
)
_WITHOUT_NAMESPACE = ("ClusterSecretStore", "ClusterExternalSecret")
_CLUSTER_WIDE = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
# Labels and annotations that programs obey: whether, when and by which name an object is applied,
# and which identity a ServiceAccount has in a cloud.
_OWNED_KEY = re.compile(
    r"(?:[^/]*\.)?(?:argoproj\.io|external-secrets\.io|helm\.sh|config\.kubernetes\.io"
    r"|config\.k8s\.io|azure\.workload\.identity|eks\.amazonaws\.com|iam\.gke\.io)/|airflow-wizard/"
)
# A replacement of these keeps kind, name and namespace.
_FREE_FIELD = re.compile(
    r"metadata\.(?:labels|annotations)\b|(?!(?:metadata|kind|apiVersion)\b)[a-z]"
)
_MAX_NAME = 254
_LITERAL = re.compile(r"[A-Za-z0-9./-]+(?:\|[A-Za-z0-9./-]+)*\Z").match


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object that a kustomization applies; `path` is its file.

    `pinned`: it must be applied as it is written. Other objects count only for their Secrets.
    `written` is the object as a file has it, if kustomize gives it another name.
    """

    path: str
    data: Mapping[str, Any]
    pinned: bool = True
    written: Mapping[str, Any] | None = None

    @property
    def kind(self) -> str:
        """Return the object's kind."""
        return str(self.data.get("kind") or "")

    @property
    def group(self) -> str:
        """Return the API group; "" for core objects."""
        group, slash, _ = str(self.data.get("apiVersion") or "").partition("/")
        return group if slash else ""

    @property
    def version(self) -> str:
        """Return the API version without the group."""
        return str(self.data.get("apiVersion") or "").rpartition("/")[2]

    def metadata(self, key: str) -> Any:
        """Return one field of the metadata, or None."""
        return _mapping(self.data.get("metadata")).get(key)

    @property
    def makes_secret(self) -> bool:
        """Return whether the object creates a Secret or is one, or says where Secrets come from."""
        return self.group.endswith("external-secrets.io") or self.kind in _SECRET_KINDS

    def matches(self, target: Mapping[str, Any]) -> bool:
        """Return whether a selector of kustomize may select the object.

        Its fields are regular expressions. Labels and annotations are not looked at.
        """
        fields = {
            "kind": self.kind,
            "name": str(self.metadata("name") or ""),
            "namespace": str(self.metadata("namespace") or ""),
            "group": self.group,
            "version": self.version,
        }
        return all(_may_match(target.get(name), value) for name, value in fields.items())


def find_transformations(
    data: Mapping[str, Any], objects: Sequence[Manifest], read: Read
) -> Faults:
    """Yield place and sentence of every field that may change one of these objects.

    `data` is a kustomization, or the `kustomize` options of an Application's source. `objects` are
    the guarded objects, and others that create Secrets. `read` gets paths relative to the folder.
    """
    pinned = [one for one in objects if one.pinned]
    for key in data:
        if key in _JUDGES:
            judge = _JUDGES[key]
            concerned = objects if judge in _WIDE_JUDGES else pinned
            for where, message in judge(data[key], concerned, read):
                yield f"{key}{where}", message
        elif key not in _HARMLESS | _APPLICATION_OPTIONS and data[key] not in (None, [], {}, ""):
            yield key, _UNKNOWN


def is_owned_key(name: str) -> bool:
    """Return whether a program obeys labels or annotations of this name."""
    return _OWNED_KEY.match(name) is not None


def generate_config_maps(path: str, data: Mapping[str, Any]) -> Iterator[Manifest]:
    """Yield the ConfigMaps that a kustomization in file `path` makes, without their hashes."""
    for item in _list(data.get("configMapGenerator")):
        name = str(_mapping(item).get("name") or "")
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        yield Manifest(path, made, pinned=False)


def rename(one: Manifest, data: Mapping[str, Any]) -> Manifest:
    """Return the object under the name that this kustomization gives it.

    Kinds that kustomize never renames are renamed, too: a name that is free stays free.
    """
    ends = [str(data.get(key) or "") for key in ("namePrefix", "nameSuffix")]
    if not any(ends):
        return one
    # A name that is too long is no name that counts, and does not grow with every overlay.
    name = f"{ends[0]}{one.metadata('name')}{ends[1]}"[:_MAX_NAME]
    metadata = {**_mapping(one.data.get("metadata")), "name": name}
    return replace(one, data={**one.data, "metadata": metadata}, written=one.written or one.data)


def _names(value: object, objects: Sequence[Manifest], _read: Read) -> Faults:
    if value and objects:
        yield "", _CHANGES


def _namespace(value: object, objects: Sequence[Manifest], _read: Read) -> Faults:
    for one in objects if value else ():
        if one.kind in _CLUSTER_WIDE:
            continue
        place = "name" if one.kind == "Namespace" else "namespace"
        if one.kind in _WITHOUT_NAMESPACE or one.metadata(place) != value:
            yield "", _CHANGES
            return


def _metadata(part: str) -> Callable[[object, Sequence[Manifest], Read], Faults]:
    def judge(value: object, objects: Sequence[Manifest], _read: Read) -> Faults:
        if value and not isinstance(value, Mapping):
            yield "", _UNKNOWN
            return
        for name, text in _mapping(value).items():
            present = [_mapping(one.metadata(part)).get(name, text) for one in objects]
            if objects and (is_owned_key(str(name)) or any(now != text for now in present)):
                yield f".{name}", _CHANGES

    return judge


_judge_labels = _metadata("labels")


def _common_labels(value: object, objects: Sequence[Manifest], read: Read) -> Faults:
    yield from _judge_labels(value, objects, read)
    if value and any(one.kind in _SELECTING_KINDS for one in objects):
        yield "", _SELECTORS


def _labels(value: object, objects: Sequence[Manifest], read: Read) -> Faults:
    for number, item in enumerate(_list(value)):
        entry = _mapping(item)
        judge = _common_labels if entry.get("includeSelectors") else _judge_labels
        for where, message in judge(entry.get("pairs"), objects, read):
            yield f"[{number}].pairs{where}", message
        if objects and entry.get("fields"):
            yield f"[{number}].fields", _UNKNOWN


def _images(value: object, objects: Sequence[Manifest], _read: Read) -> Faults:
    """Yield a fault if an object has containers, in which kustomize replaces images."""
    for one in objects if value else ():
        paths = (path[-1] for path, _ in walk(one.data) if path)
        if any(name in ("containers", "initContainers") for name in paths):
            yield "", _CHANGES
            return


def _replicas(value: object, objects: Sequence[Manifest], _read: Read) -> Faults:
    names = {_mapping(item).get("name") for item in _list(value)}
    for one in objects:
        if "replicas" in _mapping(one.data.get("spec")) and one.metadata("name") in names:
            yield "", _CHANGES
            return


def _config_maps(value: object, objects: Sequence[Manifest], _read: Read) -> Faults:
    for number, item in enumerate(_list(value)):
        name = _mapping(item).get("name")
        if any(one.kind == "ConfigMap" and one.metadata("name") == name for one in objects):
            yield f"[{number}]", _CHANGES


def _secrets(value: object, _objects: Sequence[Manifest], _read: Read) -> Faults:
    for number, _ in enumerate(_list(value)):
        yield f"[{number}]", _GENERATED


def _build_metadata(value: object, objects: Sequence[Manifest], _read: Read) -> Faults:
    if objects and "managedByLabel" in _list(value):
        yield "", _CHANGES


def _patches(value: object, objects: Sequence[Manifest], read: Read) -> Faults:
    if value and not isinstance(value, list):
        yield "", _UNKNOWN
    for number, item in enumerate(_list(value)):
        # `patchesStrategicMerge` has paths or patches as text, and no targets.
        entry = item if isinstance(item, Mapping) else {"text": item}
        message = _judge_patch(entry, objects, read)
        if message:
            yield f"[{number}]", message


def _judge_patch(entry: Mapping[str, Any], objects: Sequence[Manifest], read: Read) -> str:
    options = _mapping(entry.get("options"))
    if options.get("allowNameChange") or options.get("allowKindChange"):
        return _UNKNOWN
    if not objects:
        return ""
    target = entry.get("target")
    if target is not None:
        if not isinstance(target, Mapping) or not any(target.get(key) for key in _TARGET):
            return _UNKNOWN
        return _CHANGES if any(one.matches(target) for one in objects) else ""
    named = _read_patches(entry, read)
    if named is None:
        return _UNKNOWN
    for patch in named:
        kind, name = patch.get("kind"), _mapping(patch.get("metadata")).get("name")
        if not (isinstance(kind, str) and isinstance(name, str)) or kind.endswith("List"):
            return _UNKNOWN
        if any((one.kind, one.metadata("name")) == (kind, name) for one in objects):
            return _CHANGES
    return ""


_TARGET = ("kind", "name", "group", "version", "namespace")


def _read_patches(entry: Mapping[str, Any], read: Read) -> list[Mapping[str, Any]] | None:
    """Return the patches of an entry without a target; None if they cannot be read."""
    text, path = entry.get("patch", entry.get("text")), entry.get("path")
    if "text" in entry and isinstance(text, str) and "\n" not in text:
        path, text = text, None
    if isinstance(path, str) and not text:
        data = read(path)
    elif isinstance(text, str) and not path:
        data = text.encode("utf-8", "replace")
    else:
        return None
    documents, findings = parse_yaml("", data) if data is not None else ([], [])
    if not documents or any(finding.is_error for finding in findings):
        return None
    return documents if all(isinstance(one, Mapping) for one in documents) else None


def _replacements(value: object, objects: Sequence[Manifest], read: Read) -> Faults:
    for number, item in enumerate(_list(value)):
        entry: Any = item
        if isinstance(item, Mapping) and isinstance(item.get("path"), str):
            documents, _ = parse_yaml("", read(item["path"]) or b"")
            entry = documents[0] if len(documents) == 1 else None
        for one in entry if isinstance(entry, list) else [entry]:
            targets = _list(_mapping(one).get("targets"))
            if not all(_keeps_names(target) for target in targets):
                yield f"[{number}]", _UNKNOWN
                continue
            selects = [_mapping(_mapping(target).get("select")) for target in targets]
            if objects and not (
                targets and all(any(one.get(k) for k in _TARGET) for one in selects)
            ):
                yield f"[{number}]", _UNKNOWN
            elif any(kept.matches(select) for kept in objects for select in selects):
                yield f"[{number}]", _CHANGES


def _keeps_names(target: object) -> bool:
    """Return whether a replacement leaves kind and name alone; without fields, it sets the name."""
    paths = _list(_mapping(target).get("fieldPaths"))
    return bool(paths) and all(isinstance(at, str) and _FREE_FIELD.match(at) for at in paths)


def _may_match(pattern: object, value: str) -> bool:
    """Return whether an anchored regular expression may match a value.

    Only literals and their alternatives are compared: a pattern from a file is never run.
    """
    if pattern in (None, ""):
        return True
    if not isinstance(pattern, str) or not _LITERAL(pattern):
        return True
    return any(
        len(one) == len(value)
        and all(have in (want, ".") for have, want in zip(one, value, strict=True))
        for one in pattern.split("|")
    )


_Judge = Callable[[object, Sequence[Manifest], Read], Faults]
_JUDGES: Mapping[str, _Judge] = {
    "namePrefix": _names,
    "nameSuffix": _names,
    "namespace": _namespace,
    "commonLabels": _common_labels,
    "commonAnnotations": _metadata("annotations"),
    "labels": _labels,
    "images": _images,
    "replicas": _replicas,
    "configMapGenerator": _config_maps,
    "secretGenerator": _secrets,
    "buildMetadata": _build_metadata,
    "patches": _patches,
    "patchesStrategicMerge": _patches,
    "patchesJson6902": _patches,
    "replacements": _replacements,
}
TRANSFORMATION_KEYS = frozenset(_JUDGES)
# These also concern objects of others that create Secrets: another name would hide which Secret.
_WIDE_JUDGES = frozenset((_names, _patches, _replacements))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
