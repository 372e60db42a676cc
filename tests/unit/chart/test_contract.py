"""The Secret contract: keys exist in every chart, and it says what the recorded contract says."""

import json

import pytest

from tests.support.paths import DATA
from tests.tools.chart_keys import follow
from wizard.chart.contract import (
    CHART_DEFAULTS,
    CONTRACT,
    INLINE_SECRETS,
    PULL_SECRET_KEYS,
    SECRET_OPTIONS,
    find_inline_secrets,
    get_chart_value,
    is_celery,
)
from wizard.chart.keys import load_keys
from wizard.chart.versions import chart_version, list_chart_versions

CHARTS = DATA / "chart"
RECORDED = CHARTS / "1.22.0" / "secret_contract.json"
BY_VALUE = {use.value: use for use in CONTRACT}
# Values of the bundled PostgreSQL's own chart: the Airflow chart accepts them unlisted.
SUBCHART = {"postgresql.auth.existingSecret", "postgresql.auth.replicationPassword"}
# Keys that charts for Airflow 2 only do not have yet; the wizard writes none of them there.
LATER = {
    "apiSecretKey", "apiSecretKeySecretName", "apiServer.enabled", "createUserJob.enabled",
    "createUserJob.defaultUser.password", "imagePullSecrets", "jwtSecret", "jwtSecretName",
}  # fmt: skip


@pytest.mark.parametrize("version", list_chart_versions())
def test_every_value_is_a_key_of_the_chart(version: str) -> None:
    chart = load_keys(version)
    named = [use.value for use in CONTRACT] + [use.enabled for use in CONTRACT if use.enabled]
    named += [other for use in CONTRACT for other in (*use.unless, use.key_from) if other]
    named += [*INLINE_SECRETS, *CHART_DEFAULTS]
    later = LATER if chart_version(version).airflow_2_only else frozenset()
    for dotted in (one for one in named if one not in later or chart.listed(one.split("."))):
        path = ["x" if part == "*" else part for part in dotted.split(".")]
        free = dotted in SUBCHART or dotted.startswith("config.")
        assert chart.listed(path) or (free and chart.known(path)), dotted


@pytest.mark.skipif(not RECORDED.is_file(), reason=f"no {RECORDED}")
def test_agrees_with_the_recorded_contract() -> None:
    recorded = {entry["value"]: entry for entry in json.loads(RECORDED.read_text("utf-8"))}
    pull = recorded.pop("imagePullSecrets / registry.secretName")
    assert tuple(pull["keys"]) == PULL_SECRET_KEYS == BY_VALUE["registry.secretName"].keys
    without_value = {value for value in recorded if value.startswith("(no value)")}
    fixed = {use.value for use in CONTRACT if use.suffix}
    assert set(recorded) - without_value == set(BY_VALUE) - fixed - {
        "registry.secretName",
        "postgresql.auth.existingSecret",
    }
    keytab = recorded["(no value) kerberos keytab"]
    use = BY_VALUE["kerberos.enabled"]
    assert use.find_name({}, "<fullname>") == keytab["default"]
    assert use.keys == tuple(keytab["keys"])
    for value in set(recorded) - without_value:
        assert tuple(recorded[value]["keys"]) == BY_VALUE[value].keys
        assert recorded[value].get("keyOverride", "") == BY_VALUE[value].key_from


@pytest.mark.skipif(not CHARTS.is_dir(), reason=f"no chart data in {CHARTS}")
@pytest.mark.parametrize("version", list_chart_versions())
def test_defaults_are_the_charts(version: str) -> None:
    schema = json.loads((CHARTS / version / "values.schema.json").read_text("utf-8"))
    schema = follow(schema, schema["definitions"])
    later = LATER if chart_version(version).airflow_2_only else frozenset()
    for dotted, assumed in CHART_DEFAULTS.items():
        # The schema has no defaults of airflow.cfg; tests with the real chart compare them.
        if dotted in later or dotted.startswith("config."):
            continue
        node = schema
        for part in dotted.split("."):
            node = node["properties"][part]
        if dotted.endswith("statsSecretKey"):
            assert node["default"] is None  # the template falls back to the key `connection`
        else:
            assert node["default"] == assumed, dotted


@pytest.mark.parametrize(
    ("value", "values", "airflow", "applies"),
    [
        ("apiSecretKeySecretName", {}, (3, 2, 2), True),
        ("apiSecretKeySecretName", {}, (2, 11, 0), False),
        ("webserverSecretKeySecretName", {}, (3, 0, 0), False),
        ("webserverSecretKeySecretName", {}, (2, 11, 0), True),
        ("data.brokerUrlSecretName", {"executor": "KubernetesExecutor"}, (3, 2, 2), False),
        ("data.brokerUrlSecretName", {}, (3, 2, 2), True),
        ("redis.passwordSecretName", {"redis": {"enabled": False}}, (3, 2, 2), False),
        ("redis.passwordSecretName", {"redis": None}, (3, 2, 2), True),
        ("pgbouncer.configSecretName", {}, (3, 2, 2), False),
        ("pgbouncer.configSecretName", {"pgbouncer": {"enabled": True}}, (3, 2, 2), True),
        (
            "dags.gitSync.credentialsSecret",
            {"dags": {"gitSync": {"enabled": True, "sshKeySecret": "x"}}},
            (3, 2, 2),
            False,
        ),
    ],
)
def test_when_a_secret_is_read(
    value: str, values: dict[str, object], airflow: tuple[int, int, int], applies: bool
) -> None:
    assert BY_VALUE[value].applies(values, airflow) is applies


def test_the_statistics_key_can_be_renamed() -> None:
    use = BY_VALUE["pgbouncer.metricsExporterSidecar.statsSecretName"]
    assert use.keys_read({}) == ("connection",)
    renamed = {"pgbouncer": {"metricsExporterSidecar": {"statsSecretKey": "dsn"}}}
    assert use.keys_read(renamed) == ("dsn",)


@pytest.mark.parametrize("dotted", INLINE_SECRETS)
def test_inline_secrets_are_found_and_empty_ones_are_not(dotted: str) -> None:
    path = tuple("mine" if part == "*" else part for part in dotted.split("."))

    def values(leaf: object) -> dict[str, object]:
        for part in reversed(path):
            leaf = {part: leaf}
        assert isinstance(leaf, dict)
        return leaf

    assert list(find_inline_secrets(values("x"))) == [path]
    empty: tuple[object, ...] = (None, "", " ", {}, "ENC[AES256_GCM,data:abc,iv:x,tag:y,type:str]")
    for nothing in empty:
        assert list(find_inline_secrets(values(nothing))) == []


@pytest.mark.parametrize(("section", "option"), SECRET_OPTIONS)
def test_sensitive_options_of_airflow_cfg(section: str, option: str) -> None:
    config = {section: {option: "x", "load_examples": "False"}}
    assert list(find_inline_secrets({"config": config})) == [("config", section, option)]


def test_a_named_user_of_the_bundled_database_needs_a_password() -> None:
    use = BY_VALUE["postgresql.auth.existingSecret"]
    assert use.keys_read({}) == ("postgres-password",)
    named = {"postgresql": {"auth": {"username": "airflow"}}}
    assert use.keys_read(named) == ("postgres-password", "password")


def test_get_and_executors() -> None:
    assert get_chart_value({"redis": {"enabled": None}}, "redis.enabled") is True
    assert get_chart_value({}, "no.such.key") is None
    assert is_celery({"executor": "CeleryExecutor,KubernetesExecutor"})
    assert not is_celery({"executor": "LocalExecutor"})
