"""Every file of every preset, and the values for every chart version, as they are reviewed."""

from __future__ import annotations

import pytest

from tests.conftest import Compare
from tests.support.rendered import rendering
from wizard.answers import presets
from wizard.chart.versions import chart_version, list_chart_versions
from wizard.plan.render import Rendering


def shown(made: Rendering) -> str:
    return "".join(f"===== {file.path}\n{file.text}" for file in made.tree.values())


@pytest.mark.parametrize("preset", presets.list_presets())
def test_preset_renders_the_reviewed_tree(preset: str, golden: Compare) -> None:
    golden(f"presets/{preset}.txt", shown(rendering(preset)))


@pytest.mark.parametrize("airflow", ["2.11.0", "default"])
@pytest.mark.parametrize("chart", list_chart_versions())
def test_chart_version_gets_its_own_keys(chart: str, airflow: str, golden: Compare) -> None:
    version = chart_version(chart).airflow if airflow == "default" else airflow
    changes = {"installation.chart": chart, "installation.airflow": version}
    made = rendering("production", changes)
    golden(f"charts/{chart}-airflow-{version}.yaml", made.tree.by_logical("values").text)


VARIANTS: dict[str, dict[str, object]] = {
    "bundle": {"dags.source": "bundle"},
    "task-pods-and-own-image": {
        "executor.kind": "CeleryExecutor,KubernetesExecutor",
        "installation.image": {"repository": "registry.example.com/airflow", "tag": "3.2.2-r1"},
        "installation.release": "data-platform",
    },
    "helm": {"delivery.kind": "helm", "environment.pod_security": "restricted"},
    "credential-of-argocd": {
        "delivery.argocd.credential": "store",
        "delivery.argocd.applications": "two",
        "secrets.vault.ca.file": "vault-ca.pem",
    },
    "verified-database-of-results": {
        "database.sslmode": "verify-full",
        "database.ca.file": "pg-ca.pem",
        "database.result_backend": {"kind": "separate", "host": "results.example.internal"},
        "executor.workers": {"autoscaling": "keda", "min_replicas": 0},
        "environment.reloader": True,
    },
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variant_renders_the_reviewed_tree(variant: str, golden: Compare) -> None:
    golden(f"variants/{variant}.txt", shown(rendering("production", VARIANTS[variant])))
