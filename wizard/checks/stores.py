"""Rules for the stores of External Secrets, of any provider: each exists, with limited access.

Source: facts on External Secrets (stores, versions).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from wizard.checks.subject import Document, Subject, as_list, as_mapping, make_finding
from wizard.findings import Finding

_KINDS = ("SecretStore", "ClusterSecretStore")
_READERS = ("ExternalSecret", "ClusterExternalSecret")
_GROUP = "external-secrets.io"
_SERVED = f"{_GROUP}/v1"
# The stores by kind, namespace (empty for a ClusterSecretStore) and name.
Stores: TypeAlias = Mapping[tuple[str, str, str], Document]


def check_stores(subject: Subject) -> Iterator[Finding]:
    """Check that every ExternalSecret's store is in the tree and no store serves all namespaces."""
    for document in subject.objects(*_KINDS, *_READERS, group=_GROUP):
        if document.api_version != _SERVED:
            message = "External Secrets serves only v1 of this kind since 0.17"
            yield make_finding(
                document, "external-secret.version", "apiVersion", message, f"write {_SERVED}"
            )
    stores = list_stores(subject)
    for store in stores.values():
        if store.kind == "ClusterSecretStore" and not as_list(store.spec.get("conditions")):
            message = "without conditions every namespace can read everything in this store"
            fix = f"write conditions: [{{namespaces: [{subject.layout.namespace}]}}]"
            yield make_finding(store, "store.conditions", "spec.conditions", message, fix)
    for document, found in list_store_users(subject, stores):
        kind, name = _reference(document)
        if found is None and (kind, name) not in subject.layout.stores:
            shown = kind if kind in _KINDS else "store"
            message = f"there is no {shown} of this name in the namespace"
            where, fix = "spec.secretStoreRef.name", "name a store of this tree"
            if subject.layout.is_of_others(document.path):
                # Others may have a store that is not in these files.
                message = f"no {shown} of this name is in these files, so its access is not checked"
                fix = "make sure that it exists in the cluster"
                yield make_finding(document, "store.missing", where, message, fix, "warning")
            else:
                yield make_finding(document, "store.missing", where, message, fix)


def list_stores(subject: Subject) -> Stores:
    """Return the stores of the tree."""
    return {
        (store.kind, subject.namespace(store) if store.kind == "SecretStore" else "", store.name): (
            store
        )
        for store in subject.objects(*_KINDS, group=_GROUP)
    }


def list_store_users(
    subject: Subject, stores: Stores
) -> Iterator[tuple[Document, Document | None]]:
    """Yield every ExternalSecret with its store; None if the store is not in the tree."""
    for document in subject.objects("ExternalSecret", group=_GROUP):
        kind, name = _reference(document)
        namespace = subject.namespace(document) if kind == "SecretStore" else ""
        yield document, stores.get((kind, namespace, name))


def _reference(document: Document) -> tuple[str, str]:
    reference = as_mapping(document.spec.get("secretStoreRef"))
    return str(reference.get("kind") or "SecretStore"), str(reference.get("name"))
