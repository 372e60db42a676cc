"""Who uses a store of External Secrets, or what it logs in with: both stay while others name them.

Source: the custom resources of External Secrets: an ExternalSecret names stores in `secretStoreRef`
and in each `sourceRef`, a ClusterExternalSecret holds the spec of one, and a PushSecret names them
in `secretStoreRefs`. A store or generator names a ServiceAccount in `serviceAccountRef`, and the
ConfigMap with a CA in `caProvider`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from wizard.clients.kube.errors import KubeError, UnservedVersionError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import format_first
from wizard.manifests.ownership import read_source
from wizard.systems.cluster.source import is_source_copied

_GROUP = "external-secrets.io"
_KINDS = (
    (f"{_GROUP}/v1", "ExternalSecret"),
    (f"{_GROUP}/v1", "ClusterExternalSecret"),
    (f"{_GROUP}/v1alpha1", "PushSecret"),
    (f"{_GROUP}/v1alpha1", "ClusterPushSecret"),
)
_STORES = ("SecretStore", "ClusterSecretStore")
_GENERATORS = "generators.external-secrets.io/v1alpha1"
# Kinds that log in to a store.
LOGIN_KINDS = (
    *((f"{_GROUP}/v1", kind) for kind in _STORES),
    (_GENERATORS, "VaultDynamicSecret"),
    (_GENERATORS, "ClusterGenerator"),
)
# Where a login names an object of these kinds.
_NAMED_IN = {"ServiceAccount": "serviceAccountRef", "ConfigMap": "caProvider"}
_REFERENCES = ("secretStoreRef", "storeRef", "secretStoreRefs")


def refuse_used_store(kube: Kube, ref: Ref, own: Collection[Ref], source: str) -> StepStatus | None:
    """Return why a store, its ServiceAccount or CA must not be deleted; None if only `own` use it.

    None also for objects of other kinds. `source` is that of the installation: what earlier answers
    made names it too, and nobody else can be asked about it.
    """
    if ref.kind not in {*_STORES, *_NAMED_IN}:
        return None
    find = find_store_users if ref.kind in _STORES else _find_logins_with
    try:
        using = [one for one in find(kube, ref) if one not in own]
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return StepStatus(
            "blocked",
            f"no permission to see whether others use {ref}; not deleted",
            Fix("ask for the right to list the objects of External Secrets there"),
        )
    if not using:
        return None
    if source and all(_is_made_by(kube, one, source) for one in using):
        return StepStatus(
            "blocked",
            f"{ref} is used by {format_first(using)}, which earlier answers of this installation "
            "made; not deleted",
            Fix(
                "if nothing needs their Secrets any more, run: "
                + "; ".join(_delete_command(*one) for one in _group_by_kind(using))
                + "; then run this again"
            ),
        )
    return StepStatus(
        "blocked",
        f"{ref} is used by {format_first(using)}; not deleted",
        Fix("ask their owner to use one of their own, then run it again"),
    )


def _is_made_by(kube: Kube, ref: Ref, source: str) -> bool:
    """Return whether a source made an object; a copy by hand names it too, and is another's."""
    found = kube.get(ref, metadata=True)
    return found is not None and read_source(found) == source and not is_source_copied(found)


def _group_by_kind(refs: Sequence[Ref]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield kind, namespace and names of objects, each kind and namespace once."""
    for kind, namespace in dict.fromkeys((one.kind, one.namespace) for one in refs):
        names = [one.name for one in refs if (one.kind, one.namespace) == (kind, namespace)]
        yield kind, namespace, names


def _delete_command(kind: str, namespace: str, names: Sequence[str]) -> str:
    place = f" -n {namespace}" if namespace else ""
    return f"kubectl{place} delete {kind.lower()} {' '.join(names)}"


def find_store_users(kube: Kube, store: Ref) -> list[Ref]:
    """Return the objects that name a store; raises KubeError if they cannot be listed."""
    kinds = [
        one for one in _KINDS if store.kind != "SecretStore" or not one[1].startswith("Cluster")
    ]
    return [
        ref
        for ref, one in list_objects(kube, kinds, [store.namespace])
        if any(_names(named, store) for named in walk(one.get("spec"), *_REFERENCES))
    ]


def _find_logins_with(kube: Kube, part: Ref) -> list[Ref]:
    """Return what names a ServiceAccount or ConfigMap to log in; raises KubeError.

    Who works in one namespace often may not list what the whole cluster has: that is left out.
    """
    found = []
    for one in LOGIN_KINDS:
        try:
            listed = list(list_objects(kube, [one], [part.namespace]))
        except KubeError as error:
            if error.kind != "forbidden" or not one[1].startswith("Cluster"):
                raise
            continue
        found += [ref for ref, there in listed if _names_part(there, part, ref.namespace)]
    return found


def _names_part(found: KubeObject, part: Ref, namespace: str) -> bool:
    for named in walk(found.get("spec"), _NAMED_IN[part.kind]):
        kind = named.get("type") or "ServiceAccount"
        place = str(named.get("namespace") or namespace)
        if (kind, named.get("name"), place) == (part.kind, part.name, part.namespace):
            return True
    return False


def _names(reference: Mapping[str, Any], store: Ref) -> bool:
    # The API's default kind is SecretStore.
    kind = reference.get("kind") or "SecretStore"
    # Labels may select any store of the kind.
    return kind == store.kind and (
        reference.get("name") == store.name or bool(reference.get("labelSelector"))
    )


def walk(value: Any, *keys: str) -> Iterator[Mapping[str, Any]]:
    """Yield every object, or entry of a list, that one of these keys has at any depth."""
    if isinstance(value, list):
        for one in value:
            yield from walk(one, *keys)
    if not isinstance(value, Mapping):
        return
    for name, one in value.items():
        if name in keys:
            listed = one if isinstance(one, list) else [one]
            yield from (entry for entry in listed if isinstance(entry, Mapping))
        else:
            yield from walk(one, *keys)


def list_objects(
    kube: Kube, kinds: Iterable[tuple[str, str]], namespaces: Iterable[str]
) -> Iterator[tuple[Ref, KubeObject]]:
    """Yield the objects of kinds, in namespaces ("" for all); raises KubeError."""
    for api, kind in kinds:
        for namespace in [""] if kind.startswith("Cluster") else namespaces:
            try:
                found = _find_in_any_version(kube, api, kind, namespace)
            except KubeError as error:
                # The cluster does not serve the kind.
                if error.kind == "missing":
                    continue
                raise
            for one in found:
                about = one["metadata"]
                yield Ref(api, kind, about["name"], about.get("namespace") or ""), one


def _find_in_any_version(kube: Kube, api: str, kind: str, namespace: str) -> list[KubeObject]:
    """Return the objects of a kind, in whichever version the cluster serves it."""
    try:
        return kube.find(api, kind, namespace)
    except UnservedVersionError as error:
        return kube.find(error.served, kind, namespace)
