"""Every file of the production preset as it is reviewed, and how all others differ from it."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Compare
from tests.support.paths import TOP
from tests.support.rendered import rendering
from tests.support.trees import (
    apply_difference,
    format_difference,
    format_tree,
    parse_tree,
)
from wizard.answers import presets
from wizard.answers.model import Answers
from wizard.chart.versions import chart_version, list_chart_versions

GOLDEN = TOP / "tests" / "golden"
BASE = "production"
CHARTS = {
    f"{chart}-airflow-{version}": {"installation.chart": chart, "installation.airflow": version}
    for chart in list_chart_versions()
    for version in (
        ("2.10.5",)
        if chart_version(chart).airflow_2_only
        else ("2.11.0", chart_version(chart).airflow)
    )
}
VARIANTS: dict[str, dict[str, object]] = {
    "bundle": {"dags.source": "bundle"},
    # The candidate for the next default.
    "airflow-3.3.2": {"installation.airflow": "3.3.2"},
    "task-pods-and-own-image": {
        "executor.kind": "CeleryExecutor,KubernetesExecutor",
        "installation.image": {"repository": "registry.example.com/airflow", "tag": "3.2.2-r1"},
        "installation.release": "data-platform",
    },
    "own-pod-of-tasks": {
        "executor.kind": "KubernetesExecutor",
        "executor.task_pods.template": "task.yaml",
        "dags.source": "volume",
        "dags.volume.existing_claim": "dags",
    },
    "ingress-with-network-policies": {
        "access.kind": "ingress",
        "access.base_url": "https://airflow.example.com/team",
        "access.class": "nginx",
        "access.tls.issuer": "letsencrypt",
        "environment.network_policies": True,
    },
    "single-sign-on": {
        "access.base_url": "https://airflow.example.com",
        "access.login": "oauth",
        "access.oauth.provider": "okta",
        "access.oauth.issuer": "https://example.okta.com",
        "access.oauth.client_id": "0oa1",
        "access.oauth.roles": {"airflow-admins": "Admin", "data": "User"},
    },
    "helm": {"delivery.kind": "helm", "environment.pod_security": "restricted"},
    "aws-secrets-manager": {"secrets.store": "aws"},
    "encrypted-in-git": {
        "secrets.store": "sops",
        "secrets.sops.recipients": [
            {
                "key": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
                "holder": "platform team",
                "verified": "read out by Ada",
            }
        ],
    },
    # The database in the cluster, its backups, and its image from the mirror.
    "cloudnativepg": {
        "database.kind": "cloudnativepg",
        "database.cluster.backup.url": "s3://airflow-backups/production",
        "installation.image.registry": "registry.example.internal/mirror",
        "environment.network_policies": True,
    },
    "mirror": {
        "installation.image.registry": "registry.example.internal/mirror",
        "installation.image.pull_secrets": ["mirror"],
    },
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
# What is stored as a difference from production: its file, the preset, the changes.
OTHERS: dict[str, tuple[str, dict[str, object]]] = {
    **{f"presets/{one}.diff": (one, {}) for one in presets.list_presets() if one != BASE},
    **{f"charts/{name}.diff": (BASE, {**changes}) for name, changes in CHARTS.items()},
    **{f"variants/{name}.diff": (BASE, changes) for name, changes in VARIANTS.items()},
}


@cache
def tree(name: str) -> dict[str, str]:
    preset, changes = OTHERS.get(name, (name, {}))
    return {file.path: file.text for file in rendering(preset, changes).tree.values()}


def test_production_renders_the_reviewed_tree(golden: Compare) -> None:
    golden(f"{BASE}.txt", format_tree(tree(BASE)))


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_tree_differs_from_production_as_reviewed(name: str, golden: Compare) -> None:
    golden(name, format_difference(tree(BASE), tree(name)))


@pytest.mark.parametrize("name", OTHERS)
def test_production_and_the_stored_difference_are_the_tree(
    name: str, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--update"):
        pytest.skip("they are being written")
    base = parse_tree((GOLDEN / f"{BASE}.txt").read_text())
    assert apply_difference(base, (GOLDEN / name).read_text()) == tree(name)


def test_nothing_else_is_stored() -> None:
    stored = {path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*.*")}
    tables = {f"settings/{section}.txt" for section in Answers.model_fields}
    assert stored - tables == {f"{BASE}.txt", *OTHERS}


@pytest.mark.parametrize("name", OTHERS)
def test_what_changes_in_all_trees_shows_in_production_alone(name: str) -> None:
    """A line that is added to a file, or is another one, leaves the differences as they are."""
    changed = 0
    for path in {*tree(BASE)} & {*tree(name)}:
        trees = [{path: tree(one)[path]} for one in (BASE, name)]
        before = format_difference(trees[0], trees[1])
        lines = trees[0][path].splitlines()
        # Neither of a change nor beside one: such a line shows where the change is.
        plain = [line for line in lines if lines.count(line) == 1 and line not in before]
        for line in plain[:: max(1, len(plain) // 5)]:
            for new in (f"{line}\nadded: to all\n", "changed: in all\n"):
                altered = [{path: one[path].replace(f"{line}\n", new, 1)} for one in trees]
                assert format_difference(altered[0], altered[1]) == before
                changed += 1
    assert changed > 10


LINES = st.lists(st.sampled_from(["a: 1\n", "b:\n", "  c: 2\n", "---\n", "- d\n"]), max_size=9)
TREES = st.dictionaries(st.sampled_from(["a.yaml", "b/c.yaml", "d"]), LINES.map("".join))


@given(base=TREES, other=TREES)
def test_a_difference_leads_from_one_tree_to_the_other(
    base: dict[str, str], other: dict[str, str]
) -> None:
    assert apply_difference(base, format_difference(base, other)) == other
    assert parse_tree(format_tree(base)) == base


def test_a_difference_that_finds_no_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="no place for"):
        apply_difference({"a": "x\n"}, "===== a\n@@\n-y\n")
