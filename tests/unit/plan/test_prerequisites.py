"""An installation names the programs that it needs in the cluster, and no other."""

from __future__ import annotations

import re

import pytest

from tests.support.rendered import rendering
from tests.unit.handover.test_handover import made
from wizard.formats.images import name_copy
from wizard.manifests.images import list_copied_images

INGRESS: dict[str, object] = {
    "access.kind": "ingress",
    "access.base_url": "https://airflow.example.com",
    "access.tls.secret": "ui-tls",
}
KEDA: dict[str, object] = {"executor.workers": {"autoscaling": "keda", "min_replicas": 0}}
ROUTE: dict[str, object] = {
    "access.kind": "httproute",
    "access.base_url": "https://airflow.example.com",
    "access.gateway": {"name": "web", "namespace": "gateways"},
}
CASES: list[tuple[str, dict[str, object], list[str]]] = [
    ("production", {}, ["external-secrets", "argocd"]),
    ("production", {"delivery.kind": "helm"}, ["external-secrets"]),
    ("existing-secrets", {"delivery.kind": "argocd"}, ["argocd"]),
    ("existing-secrets", {}, []),
    ("local", {}, []),
    ("production", INGRESS, ["ingress", "external-secrets", "argocd"]),
    (
        "production",
        {**INGRESS, "access.tls.issuer": "letsencrypt"},
        ["cert-manager", "ingress", "external-secrets", "argocd"],
    ),
    (
        "production",
        {"database.kind": "cloudnativepg", "database.cluster.backup.url": "s3://backups/airflow"},
        ["cert-manager", "external-secrets", "cloudnativepg", "barman-cloud", "argocd"],
    ),
    ("production", ROUTE, ["gateway-api", "external-secrets", "argocd"]),
    (
        "production",
        {**KEDA, "environment.reloader": True, "metrics.service_monitor": True},
        ["external-secrets", "keda", "reloader", "prometheus-operator", "argocd"],
    ),
]


@pytest.mark.parametrize(("preset", "changes", "needed"), CASES)
def test_each_answer_needs_its_programs(
    preset: str, changes: dict[str, object], needed: list[str]
) -> None:
    found = rendering(preset, changes)
    assert [one.id for one in found.release.prerequisites] == needed
    runbook = found.tree.by_logical("runbook").text
    assert ("## From an empty cluster" in runbook) is bool(needed)
    for one in found.release.prerequisites:
        assert f"| {one.title} | {one.version or 'yours'} | {one.source} | {one.purpose}" in runbook
    if preset != "local":
        assert ("prerequisites.sh" in made(preset, changes)["platform"]) is bool(needed)


def test_every_program_is_pinned_or_left_to_the_platform() -> None:
    for preset, changes, _ in CASES:
        for one in rendering(preset, changes).release.prerequisites:
            if one.source:
                assert re.fullmatch(r"v?\d+\.\d+\.\d+", one.version)
                assert one.source.startswith("https://")
                assert one.chart or one.version in one.source
            else:
                assert one.note
            assert one.api or one.image or one.ingress_class is not None


def test_a_registry_of_ones_own_has_the_images_of_the_programs_too() -> None:
    registry = "registry.example.internal:5000/mirror"
    for preset, changes, _ in CASES:
        found = rendering(preset, {**changes, "installation.image.registry": registry})
        copied = {one.name: one.source for one in list_copied_images(found.release, found.total)}
        plain = {one.id: one for one in rendering(preset, changes).release.prerequisites}
        for one in found.release.prerequisites:
            assert bool(one.images) is bool(one.source), one.id
            for image in one.images:
                assert ":" in image.rpartition("/")[2]
                assert copied[name_copy(image, registry)] == image
            if one.chart:
                more = " ".join(one.options).removeprefix(" ".join(plain[one.id].options))
                assert registry in more
                assert "{}" not in more
            assert bool(one.copies) is bool(one.images and not one.chart)


def test_argo_cd_is_installed_where_it_is_expected() -> None:
    script = made("production", {"delivery.argocd.namespace": "gitops"})["platform"]
    assert "argo create namespace gitops" in script["prerequisites.sh"]
