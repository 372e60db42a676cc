"""Every way in which an object of External Secrets can name a store."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Ref
from wizard.systems.cluster.store_users import find_store_users

OURS = {"name": "vault-airflow", "kind": "SecretStore"}
CLUSTER = {"name": "vault-airflow", "kind": "ClusterSecretStore"}
NAMESPACED = Ref("external-secrets.io/v1", "SecretStore", "vault-airflow", "airflow")
CLUSTER_WIDE = Ref("external-secrets.io/v1", "ClusterSecretStore", "vault-airflow")


class Listed:
    """The objects of one kind; the cluster serves no other."""

    def __init__(self, kind: str, spec: dict[str, Any]) -> None:
        self.kind, self.spec = kind, spec

    def find(self, api: str, kind: str, namespace: str = "", **_: Any) -> list[dict[str, Any]]:
        del api, namespace
        if kind != self.kind:
            raise KubeError("missing", "not served")
        return [{"metadata": {"name": "hers", "namespace": "airflow"}, "spec": self.spec}]


@pytest.mark.parametrize(
    ("kind", "spec", "store", "used"),
    [
        ("ExternalSecret", {"secretStoreRef": OURS}, NAMESPACED, True),
        ("ExternalSecret", {"secretStoreRef": {"name": "vault-airflow"}}, NAMESPACED, True),
        ("ExternalSecret", {"secretStoreRef": CLUSTER}, NAMESPACED, False),
        ("ExternalSecret", {"secretStoreRef": CLUSTER}, CLUSTER_WIDE, True),
        ("ExternalSecret", {"secretStoreRef": {"name": "other"}}, NAMESPACED, False),
        (
            "ExternalSecret",
            {"secretStoreRef": {"name": "x"}, "data": [{"sourceRef": {"storeRef": OURS}}]},
            NAMESPACED,
            True,
        ),
        ("ExternalSecret", {"dataFrom": [{"sourceRef": {"storeRef": OURS}}]}, NAMESPACED, True),
        (
            "ClusterExternalSecret",
            {"externalSecretSpec": {"secretStoreRef": CLUSTER}},
            CLUSTER_WIDE,
            True,
        ),
        ("PushSecret", {"secretStoreRefs": [{"name": "x"}, OURS]}, NAMESPACED, True),
        ("PushSecret", {"secretStoreRefs": [{"labelSelector": {}}]}, NAMESPACED, False),
        (
            "PushSecret",
            {"secretStoreRefs": [{"labelSelector": {"matchLabels": {"a": "b"}}}]},
            NAMESPACED,
            True,
        ),
    ],
)
def test_a_reference_is_found_wherever_it_stands(
    kind: str, spec: dict[str, Any], store: Ref, used: bool
) -> None:
    found = find_store_users(Listed(kind, spec), store)  # type: ignore[arg-type]
    assert [one.name for one in found] == (["hers"] if used else [])
