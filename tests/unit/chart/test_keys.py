"""The chart's key lists: as generated, and right about typos the chart's schema lets through."""

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.support.paths import DATA
from tests.tools import chart_keys
from wizard.chart.keys import load_keys
from wizard.chart.versions import chart_version, list_chart_versions
from wizard.formats.nested import format_path

CHARTS = DATA / "chart"
EXAMPLES = CHARTS.parent / "examples"
with_charts = pytest.mark.skipif(not CHARTS.is_dir(), reason=f"no chart data in {CHARTS}")


@with_charts
@pytest.mark.parametrize("version", list_chart_versions())
def test_shipped_lists_are_what_the_schema_says(version: str) -> None:
    schema = json.loads((CHARTS / version / "values.schema.json").read_text("utf-8"))
    shipped = chart_keys.TARGET / f"{version}.txt"
    assert shipped.read_bytes() == chart_keys.render(version, schema).encode()


@with_charts
@pytest.mark.parametrize("version", list_chart_versions())
def test_the_charts_own_defaults_are_all_known(version: str) -> None:
    values = yaml.safe_load((CHARTS / version / "values.yaml").read_text("utf-8"))
    # The schemas of charts before 1.19 do not list all that values.yaml has.
    unlisted = {("securityContexts", "containers"), ("ingress", "apiServer")}
    older = chart_version(version).airflow_2_only
    assert set(load_keys(version).unknown(values)) - (unlisted if older else set()) == set()


@with_charts
def test_agrees_with_the_table_of_keys() -> None:
    chart = load_keys("1.22.0")
    rows = [line.split("\t") for line in (CHARTS / "1.22.0/keys.tsv").read_text().splitlines()[1:]]
    paths = [row[0].split(".") for row in rows]
    assert len(paths) == 1310
    assert [path for path in paths if not chart.listed(path)] == []
    closed = [row[0].split(".") for row in rows if row[2] == "closed"]
    assert [path for path in closed if chart.known([*path, "no-such-key"])] == [
        # maps whose values (not names) the schema constrains
        path
        for path in closed
        if chart.known([*path, "no-such-key"]) and path[0] in ("extraSecrets", "extraConfigMaps")
    ]


@with_charts
def test_agrees_with_the_table_of_deprecated_keys() -> None:
    chart = load_keys("1.22.0")
    lines = (CHARTS / "1.22.0/deprecated.tsv").read_text().splitlines()[1:]
    wanted = dict(line.split("\t") for line in lines)
    listed = {row.split("\t")[0] for row in (CHARTS / "1.22.0/keys.tsv").read_text().splitlines()}
    found = {
        key: chart.deprecated(key.split("."))
        for key in listed
        if chart.deprecated(key.split(".")) is not None
    }
    assert found == wanted
    assert len(found) == 133


@with_charts
@pytest.mark.parametrize("name", ["a-seed000", "b-seed001", "c-seed004"])
def test_examples_have_neither_unknown_nor_deprecated_keys(name: str) -> None:
    values = yaml.safe_load(next(EXAMPLES.glob(f"{name}*")).read_text("utf-8"))
    assert load_keys("1.22.0").unknown(values) == []
    assert load_keys("1.22.0").deprecated_keys(values) == []


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("exectuor", "executor"),
        ("airflowversion", "airflowVersion"),
        ("workers.celery.replica", "workers.celery.replicas"),
        ("workers.kubernetes.resource", "workers.kubernetes.resources"),
        ("ingress.apiserver", "ingress.apiServer"),
        ("ingress.apiServer.anotations", "ingress.apiServer.annotations"),
        ("dags.gitSync.knownHost", "dags.gitSync.knownHosts"),
        ("dags.gitSync.components", None),
        ("scheduler.podDisruptionBudget.enable", "scheduler.podDisruptionBudget.enabled"),
        ("securityContexts.container", "securityContexts.containers"),
        ("knownHosts", "dags.gitSync.knownHosts"),
        ("apiServer.defaultUser", None),
        ("executor.kind", None),
    ],
)
def test_typos_the_chart_may_accept_are_unknown_here(typo: str, meant: str | None) -> None:
    chart = load_keys("1.22.0")
    path = typo.split(".")
    assert not chart.known(path)
    assert chart.nearest_key(path) == meant
    values: object = True
    for part in reversed(path):
        values = {part: values}
    assert isinstance(values, dict)
    assert chart.unknown(values) == [tuple(path)]


@pytest.mark.parametrize(
    "right",
    [
        "config.core.load_examples", "config.my_section.my_option", "labels.team",
        "apiServer.annotations.x", "affinity.nodeAffinity", "postgresql.auth.existingSecret",
        "postgresql.primary.resources", "scheduler.resources.requests.cpu", "quotas.pods",
        "volumes.0.secret.secretName", "extraSecrets.anything.data", "env.0.name",
        "createUserJob.env.0.valueFrom.secretKeyRef.name", "workers.celery.sets.0.name",
        "scheduler.podDisruptionBudget.config.unhealthyPodEvictionPolicy",
    ],
)  # fmt: skip
def test_legitimately_free_places(right: str) -> None:
    path = [int(part) if part.isdigit() else part for part in right.split(".")]
    assert load_keys("1.22.0").known(path)


def test_below_lists_and_named_maps_keys_are_checked() -> None:
    chart = load_keys("1.22.0")
    values = {
        "env": [{"name": "A", "valu": "1"}],
        "extraSecrets": {"mine": {"dat": ""}},
        "createUserJob": {"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]},
    }
    assert chart.unknown(values) == [
        ("env", 0, "valu"),
        ("extraSecrets", "mine", "dat"),
        ("createUserJob", "env", 0, "valueFrom", "fieldRef"),
    ]


def test_deprecated_keys_at_their_most_precise() -> None:
    values = {"workers": {"keda": {"enabled": True}, "replicas": 2}, "ingress": {"enabled": True}}
    assert load_keys("1.22.0").deprecated_keys(values) == [
        (("workers", "keda", "enabled"), "workers.celery.keda.enabled"),
        (("workers", "replicas"), "workers.celery.replicas"),
        (("ingress", "enabled"), ""),
    ]


def test_versions_differ() -> None:
    assert not load_keys("1.19.0").known(["otelCollector"])
    assert load_keys("1.22.0").known(["otelCollector"])
    assert list(everything("1.19.0")) != list(everything("1.22.0"))
    with pytest.raises(KeyError, match=r"no key list for chart 1\.0\.0"):
        load_keys("1.0.0")


def everything(version: str) -> Iterator[str]:
    yield from (chart_keys.TARGET / f"{version}.txt").read_text("utf-8").splitlines()


def test_dotted() -> None:
    assert format_path(["env", 0, "name"]) == "env[0].name"
    assert format_path(["podAnnotations", "a.b/c"]) == 'podAnnotations."a.b/c"'
