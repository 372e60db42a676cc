"""A database of CloudNativePG when Argo CD deletes its Application: it stays, with its claims.

The API server is a stand-in with one Cluster and one claim of it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.support.rendered import answers, rendering
from wizard.systems.release.protection import _KeepStep

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube, Ref
    from wizard.systems.target import Target

CHANGES: dict[str, object] = {"database.kind": "cloudnativepg"}
MADE = rendering("production", CHANGES)
OWNER = {"kind": "Cluster", "name": "airflow-db", "uid": "u-1"}
LISTED = {
    "group": "postgresql.cnpg.io", "version": "v1", "kind": "Cluster", "name": "airflow-db",
    "namespace": "airflow",
}  # fmt: skip


class Cluster:
    """The stand-in; `options` are the sync options of the database in the cluster."""

    def __init__(self, options: str) -> None:
        self.options = options

    def get(self, ref: Ref, *, metadata: bool = False) -> dict[str, Any] | None:
        assert metadata
        if ref.kind != "Cluster":
            return None
        notes = {"argocd.argoproj.io/sync-options": self.options}
        return {"metadata": {"name": ref.name, "uid": "u-1", "annotations": notes}}

    def find(self, api: str, kind: str, *_: str, metadata: bool = False) -> list[dict[str, Any]]:
        assert metadata
        assert api
        if kind != "PersistentVolumeClaim":
            return []
        return [{"metadata": {"name": "airflow-db-1", "uid": "u-2", "ownerReferences": [OWNER]}}]

    def list_namespaced_kinds(self) -> list[tuple[str, str]]:
        return []


def step(options: str) -> tuple[_KeepStep, Kube, list[Any]]:
    texts = {file.logical: file.text for file in MADE.tree.values()}
    target = SimpleNamespace(
        release=MADE.release,
        answers=answers("production", CHANGES),
        files={},
        files_under=lambda prefix: {
            name: text for name, text in texts.items() if name.startswith(prefix)
        },
    )
    work = _KeepStep(cast("Target", target), [])
    return work, cast("Kube", Cluster(options)), [{"status": {"resources": [LISTED]}}]


@pytest.mark.parametrize(
    ("options", "claims"),
    [
        ("Prune=false,Delete=false", []),
        # Somebody removed the mark: the cascade would delete the Cluster with its claims.
        ("Prune=false", ["PersistentVolumeClaim airflow-db-1"]),
    ],
)
def test_claims_of_a_kept_database_do_not_stop_the_removal(options: str, claims: list[str]) -> None:
    work, kube, applications = step(options)
    assert work._find_owned_claims(kube, applications) == claims


def test_a_database_without_its_mark_is_protected_first() -> None:
    work, kube, applications = step("Prune=false")
    found = [ref.kind for ref, _ in work._find_unprotected(kube, applications)]
    assert found == ["Cluster"]
    work, kube, applications = step("Prune=false,Delete=false")
    assert work._find_unprotected(kube, applications) == []
