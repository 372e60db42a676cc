"""Who reads a store of External Secrets: it is not deleted while objects of others name it.

Source: the custom resources of External Secrets: an ExternalSecret names stores in `secretStoreRef`
and in each `sourceRef`, a ClusterExternalSecret holds the spec of one, and a PushSecret names them
in `secretStoreRefs`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable

_GROUP = "external-secrets.io"
_KINDS = (
    (f"{_GROUP}/v1", "ExternalSecret"),
    (f"{_GROUP}/v1", "ClusterExternalSecret"),
    (f"{_GROUP}/v1alpha1", "PushSecret"),
    (f"{_GROUP}/v1alpha1", "ClusterPushSecret"),
)
_STORES = ("SecretStore", "ClusterSecretStore")
_SHOWN = 3


def refuse_used_store(kube: Kube, store: Ref, own: Collection[Ref]) -> StepStatus | None:
    """Return why a store must not be deleted; None if only objects in `own` read it.

    None also for objects of other kinds.
    """
    if store.kind not in _STORES:
        return None
    try:
        using = [ref for ref in find_store_users(kube, store) if ref not in own]
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return StepStatus(
            "blocked",
            f"no permission to see whether others read {store}; not deleted",
            Fix("ask for the right to list externalsecrets and pushsecrets there"),
        )
    if not using:
        return None
    more = f" and {len(using) - _SHOWN} more" if len(using) > _SHOWN else ""
    names = ", ".join(escape_unprintable(str(ref)) for ref in using[:_SHOWN])
    return StepStatus(
        "blocked",
        f"{store} is used by {names}{more}; not deleted",
        Fix("ask their owner to use a different store, then run it again"),
    )


def find_store_users(kube: Kube, store: Ref) -> list[Ref]:
    """Return the objects that name a store; raises KubeError if they cannot be listed."""
    found = []
    for api, kind in _KINDS:
        # Objects without a namespace are listed with all others.
        namespace = "" if kind.startswith("Cluster") else store.namespace
        if kind.startswith("Cluster") and store.kind == "SecretStore":
            continue
        try:
            listed = kube.find(api, kind, namespace)
        except KubeError as error:
            if error.kind == "missing":
                continue
            raise
        found += [
            Ref(api, kind, one["metadata"]["name"], one["metadata"].get("namespace") or "")
            for one in listed
            if any(_names(ref, store) for ref in _find_references(one))
        ]
    return found


def _names(reference: Mapping[str, Any], store: Ref) -> bool:
    # The API's default kind is SecretStore.
    kind = reference.get("kind") or "SecretStore"
    # Labels may select any store of the kind.
    return kind == store.kind and (
        reference.get("name") == store.name or bool(reference.get("labelSelector"))
    )


def _find_references(found: KubeObject) -> Iterator[Mapping[str, Any]]:
    """Yield every store reference of an object's spec."""
    yield from _walk(found.get("spec") or {})


def _walk(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            if name in {"secretStoreRef", "storeRef"} and isinstance(one, Mapping):
                yield one
            elif name == "secretStoreRefs" and isinstance(one, list):
                yield from (entry for entry in one if isinstance(entry, Mapping))
            else:
                yield from _walk(one)
    elif isinstance(value, list):
        for one in value:
            yield from _walk(one)
