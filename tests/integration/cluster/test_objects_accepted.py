"""A real API server takes every object, strictly, and adds nothing that Argo CD would see."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.rendered import objects, rendering
from tests.testbed.kube import Kube

pytestmark = pytest.mark.integration

VARIANTS: dict[str, tuple[str, dict[str, object]]] = {
    "production": ("production", {"secrets.vault.ca.file": "vault.pem"}),
    "gitops-vault": (
        "gitops-vault",
        {"secrets.vault.ca.file": "vault.pem", "secrets.vault.namespace": "team-a"},
    ),
    "bundle": (
        "production",
        {
            "dags.source": "bundle",
            "environment.pod_security": "restricted",
            "database.sslmode": "verify-full",
            "database.ca.file": "pg.pem",
            "secrets.refresh_interval": "90m",
            "admin.first_name": "no",
            "installation.airflow": "3.0.6",
        },
    ),
    "vault on a laptop": ("production", {"delivery.kind": "kind"}),
    "credential of Argo CD": (
        "production",
        {
            "delivery.argocd.credential": "store",
            "secrets.vault.ca.file": "vault.pem",
            "secrets.vault.namespace": "team-a",
        },
    ),
}
# What is read by kustomize and kind, not by the API server.
OTHERS = {"Kustomization", "Cluster"}
# Argo CD fills no defaults in, and External Secrets' are all written out.
EXACT = {"ExternalSecret", "SecretStore", "ClusterSecretStore", "Application", "AppProject"}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_object_is_accepted_as_it_stands(name: str, kube_with_crds: Kube) -> None:
    made = rendering(*VARIANTS[name])
    met = set()
    for found in objects(made):
        if found["kind"] in OTHERS:
            continue
        met.add(found["kind"])
        stored = kube_with_crds.dry_run(yaml.safe_dump(found, allow_unicode=True))
        if found["kind"] in EXACT:
            assert stored["spec"] == found["spec"], found["metadata"]["name"]
        for key in ("labels", "annotations"):
            ours: dict[str, Any] = found["metadata"].get(key, {})
            assert stored["metadata"].get(key, {}).items() >= ours.items()
    assert "ExternalSecret" in met
    assert (made.release.delivery == "argocd") == ("Application" in met)


def test_objects_of_one_namespace_say_so() -> None:
    for preset in ("production", "gitops-vault"):
        made = rendering(preset, {"installation.namespace": "data"})
        for found in objects(made):
            if found["kind"] in {"ExternalSecret", "SecretStore", "ServiceAccount", "ConfigMap"}:
                assert found["metadata"]["namespace"] == "data"
            if found["kind"] == "ClusterSecretStore":
                assert "namespace" not in found["metadata"]
                assert found["spec"]["conditions"] == [{"namespaces": ["data"]}]
            assert found["kind"] != "Kustomization" or "namespace" not in found
