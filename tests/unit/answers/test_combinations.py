"""Whatever is combined: the chart's schema, our key lists, the CRDs and our checks all agree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.paths import DATA
from tests.support.rendered import dig, filled, findings, rendering, values
from wizard.chart.keys import load_keys
from wizard.chart.versions import chart_version, list_chart_versions
from wizard.checks.schema import crd_schemas
from wizard.formats.nested import format_path

# Each list's first entry is the usual one.
AXES: dict[str, list[dict[str, Any]]] = {
    "chart": [{"installation.chart": chart} for chart in list_chart_versions()],
    "airflow": [
        {"installation.airflow": "3.2.2"},
        {"installation.airflow": "2.11.0"},
        {"installation.airflow": "3.0.6"},
    ],
    "executor": [
        {"executor.kind": kind}
        for kind in (
            "CeleryExecutor",
            "KubernetesExecutor",
            "LocalExecutor",
            "CeleryExecutor,KubernetesExecutor",
            "LocalExecutor,KubernetesExecutor",
            "CeleryKubernetesExecutor",
            "LocalKubernetesExecutor",
        )
    ],
    "scaling": [
        {"executor.workers.autoscaling": "none"},
        {"executor.workers": {"autoscaling": "keda", "min_replicas": 0}},
        {"executor.workers": {"autoscaling": "hpa"}},
    ],
    "pgbouncer": [
        {"database.pgbouncer": {"mode": "chart", "replicas": 2}},
        {"database.pgbouncer": {"mode": "off"}},
        {"database.pgbouncer": {"mode": "external", "host": "pool.example.internal"}},
    ],
    "results": [
        {},
        {"database.result_backend": {"kind": "separate", "host": "results.example.internal"}},
    ],
    "tls": [{}, {"database.sslmode": "verify-full", "database.ca.file": "pg-ca.pem"}],
    "broker": [{}, {"broker": {"kind": "external", "host": "redis.example.internal"}}],
    "dags": [
        {"dags.source": "git-sync"},
        {"dags.source": "bundle"},
        {
            "dags.source": "image",
            "installation.image": {"repository": "registry.example.com/airflow", "tag": "r1"},
        },
        {
            "dags.repo": "https://git.example.com/acme/dags.git",
            "dags.credentials": {"needed": True, "username": "reader"},
        },
    ],
    "store": [
        {"secrets.scope": "namespace", "secrets.vault.ca.file": "vault-ca.pem"},
        {"secrets.scope": "cluster", "secrets.vault.ca.file": "vault-ca.pem"},
    ],
    "payload": [{"secrets.payload": "keys"}, {"secrets.payload": "document"}],
    "applications": [
        {"delivery.argocd.applications": "one"},
        {"delivery.argocd.applications": "two"},
        {"delivery.kind": "kind"},
    ],
    "credential": [
        {"delivery.argocd.credential": "known"},
        {"delivery.argocd.credential": "store"},
        {
            "delivery.argocd.credential": "store",
            "delivery.argocd.repo_url": "https://git.example.com/platform/k8s-infra.git",
            "delivery.argocd.username": "argocd",
        },
    ],
    "extras": [
        {},
        {
            "environment.reloader": True,
            "environment.pod_security": "restricted",
            "environment.variables": {"NO_PROXY": "10.0.0.0/8"},
            "logs.kind": "volume",
            "components.dag_processor.replicas": 2,
            "components.triggerer.replicas": 2,
        },
        {
            "admin.create": False,
            "installation.release": "data-platform",
            "environment.network_policies": False,
        },
    ],
}


def pairs(order: Sequence[str]) -> Iterator[dict[str, int]]:
    """Few rows in which any two choices of two axes meet at least once."""
    open_pairs = {
        (one, i, other, j)
        for one, other in combinations(order, 2)
        for i in range(len(AXES[one]))
        for j in range(len(AXES[other]))
    }
    while open_pairs:
        one, i, other, j = min(open_pairs)
        row = {one: i, other: j}
        for axis in order:
            if axis not in row:
                gains = [_gain(order, (axis, k), row, open_pairs) for k in range(len(AXES[axis]))]
                row[axis] = gains.index(max(gains))
        open_pairs -= {(a, row[a], b, row[b]) for a, b in combinations(order, 2)}
        yield row


def _gain(
    order: Sequence[str], one: tuple[str, int], row: Mapping[str, int], wanted: set[Any]
) -> int:
    """How many open pairs this choice of an axis would close."""
    found = 0
    for other in row.items():
        first = order.index(one[0]) < order.index(other[0])
        found += ((*one, *other) if first else (*other, *one)) in wanted
    return found


def allowed(row: Mapping[str, int]) -> dict[str, Any]:
    """The row's changes, moved to the nearest combination that the rules allow."""
    merged: dict[str, Any] = {}
    for axis, choice in row.items():
        merged.update(AXES[axis][choice])
    kind = merged["executor.kind"]
    if kind in {"CeleryKubernetesExecutor", "LocalKubernetesExecutor"}:
        merged["installation.airflow"] = "2.11.0"
    if chart_version(merged["installation.chart"]).airflow_2_only:
        merged["installation.airflow"] = "2.10.5"
        merged.pop("executor.queue", None)
    if merged["installation.airflow"].startswith("2.") and merged.get("dags.source") == "bundle":
        merged["dags.source"] = "git-sync"
    if "Celery" in kind and "Kubernetes" in kind and merged["installation.chart"] < "1.20.0":
        workers = merged.get("executor.workers", filled("production")["executor"]["workers"])
        merged["executor.task_pods"] = workers.get("resources", {})
    return merged


# Two orders, because what is moved to an allowed combination leaves other pairs open.
ROWS = [allowed(row) for order in (list(AXES), list(AXES)[::-1]) for row in pairs(order)]


@cache
def chart_schema(version: str) -> Any:
    path = DATA / "chart" / version / "values.schema.json"
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def crds() -> Any:
    documents = []
    for path in sorted((DATA / "crds").glob("*.yaml")):
        # The CRDs are megabytes: only the C loader reads them in a second.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        documents += list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=loader))
    return crd_schemas(documents)


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_combination_is_right_everywhere(number: int, shared: Path) -> None:
    changes = ROWS[number]
    made = rendering("production", changes)
    chart = made.release.chart
    known, data = load_keys(chart), values(made)
    assert [format_path(path) for path in known.unknown(data)] == []
    assert [(format_path(path), instead) for path, instead in known.deprecated_keys(data)] == []
    found = findings(made, chart_schema=chart_schema(chart), crds=crds())
    rules = {item.rule for item in found} - {"git-sync.known-hosts"}
    lost = made.release.kubernetes and not dig(data, "logs.persistence.enabled")
    assert rules == ({"configuration.task-logs"} if lost else set()), [*map(str, found)]


def test_rows_reach_every_chart_with_every_executor() -> None:
    met = {(row["installation.chart"], row["executor.kind"]) for row in ROWS}
    assert len(met) == len(AXES["chart"]) * len(AXES["executor"])
