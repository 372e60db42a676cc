"""Metrics: what each kind sets, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.rendered import filled, rendering, values
from wizard.answers.files import validate_answers
from wizard.plan.overrides import check_overrides

STATSD: dict[str, object] = {
    "metrics.kind": "statsd", "metrics.target": "statsd.example.internal:9125",
}  # fmt: skip
OTEL: dict[str, object] = {"metrics.kind": "otel", "metrics.target": "otel.example.internal:4318"}
PLAIN_DATADOG: dict[str, object] = {"metrics.kind": "datadog"}
DATADOG: dict[str, object] = {
    **PLAIN_DATADOG,
    "installation.image": {"repository": "registry.example.com/airflow", "tag": "3.2.2-r1"},
}
POLICIES: dict[str, object] = {"environment.network_policies": True}


def configured(changes: dict[str, object]) -> Any:
    return values(rendering("production", changes))["config"].get("metrics", {})


def egress(changes: dict[str, object]) -> list[tuple[str, int]]:
    made = rendering("production", {**changes, **POLICIES})
    text = made.tree.by_logical("secrets/egress").text
    rules = yaml.safe_load(text)["spec"]["egress"]
    return [(port["protocol"], port["port"]) for rule in rules for port in rule.get("ports", [])]


def test_the_exporter_of_the_chart_needs_no_setting() -> None:
    made = rendering("production")
    assert "statsd" not in values(made)
    assert "metrics" not in values(made)["config"]
    assert "http://airflow-statsd.airflow:9102/metrics" in made.tree.by_logical("runbook").text


def test_another_prefix_has_the_labels_of_the_chart_s_mappings() -> None:
    found = values(rendering("production", {"metrics.prefix": "team.air", **POLICIES}))
    mappings = found["statsd"]["overrideMappings"]
    assert {
        "match": "team.air.ti.running.*.*.*", "name": "team_air_ti_running",
        "labels": {"queue": "$1", "dag_id": "$2", "task_id": "$3"},
    } in mappings  # fmt: skip
    assert {
        "match": r"team\.air\.operator_failures_(.*)", "match_type": "regex",
        "name": "team_air_operator_failures", "labels": {"operator": "$1"},
    } in mappings  # fmt: skip
    own: dict[str, object] = {"statsd": {"extraMappings": [{"match": "x.*", "name": "x"}]}}
    kept = values(rendering("production", {"metrics.prefix": "team", "values": own}))
    assert kept["statsd"] == own["statsd"]
    other = values(rendering("production", {**STATSD, "metrics.prefix": "team"}))
    assert other["statsd"] == {"enabled": False}


def test_each_kind_sets_its_own_options() -> None:
    assert configured(STATSD) == {
        "statsd_on": "True", "statsd_host": "statsd.example.internal", "statsd_port": 9125,
        "statsd_prefix": "airflow",
    }  # fmt: skip
    assert configured(OTEL) == {
        "otel_on": "True", "otel_host": "otel.example.internal", "otel_port": 4318,
        "otel_prefix": "airflow",
    }  # fmt: skip
    none = rendering("production", {"metrics.kind": "none"})
    assert values(none)["statsd"] == {"enabled": False}
    assert "metrics" not in values(none)["config"]


def test_datadog_is_the_agent_of_the_pods_own_node() -> None:
    made = rendering("production", DATADOG)
    found = values(made)
    assert found["config"]["metrics"]["statsd_datadog_enabled"] == "True"
    [variable] = yaml.safe_load(found["extraEnv"])
    assert variable == {
        "name": "AIRFLOW__METRICS__STATSD_HOST",
        "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}},
    }
    more = "- name: MORE\n  value: x\n"
    assert "\ndatadog\n" in made.tree["image/airflow/requirements.txt"].text
    assert check_overrides(made, {"extraEnv": more}) == ([], [])
    assert check_overrides(made, {"extraEnv": found["extraEnv"] + more}) == ([], [])
    other = "- name: AIRFLOW__METRICS__STATSD_HOST\n  value: x\n"
    [problem], _ = check_overrides(made, {"extraEnv": other})
    assert problem.key == "values.extraEnv"


def test_the_official_image_sends_plain_statsd_to_the_agent() -> None:
    """DogStatsD, with tags, needs a Python package that only an image of one's own has."""
    assert configured(PLAIN_DATADOG) == {
        "statsd_on": "True", "statsd_port": 8125, "statsd_prefix": "airflow",
    }  # fmt: skip
    [variable] = yaml.safe_load(values(rendering("production", PLAIN_DATADOG))["extraEnv"])
    assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "status.hostIP"}}
    assert ("UDP", 8125) in egress(PLAIN_DATADOG)


def test_a_host_that_only_the_pod_knows_has_its_port_open() -> None:
    """The values of document 002, by hand."""
    host = {"fieldRef": {"fieldPath": "status.hostIP"}}
    hand: dict[str, object] = {
        "statsd": {"enabled": False},
        "config": {"metrics": {"statsd_on": True, "statsd_port": 8126}},
        "env": [{"name": "AIRFLOW__METRICS__STATSD_HOST", "valueFrom": host}],
    }
    assert ("UDP", 8126) in egress({"metrics.kind": "none", "values": hand})
    # Our own flow to the agent says the same, and better.
    made = rendering("production", {**PLAIN_DATADOG, **POLICIES})
    assert "8125/UDP: Datadog agent\n" in made.tree.by_logical("secrets/egress").text


def test_egress_follows_the_target() -> None:
    assert ("UDP", 9125) in egress(STATSD)
    assert ("TCP", 4318) in egress(OTEL)
    assert ("UDP", 8125) in egress(DATADOG)
    assert not [port for port in egress({}) if port[0] == "UDP" and port[1] != 53]


def test_prometheus_is_admitted_and_told() -> None:
    changes = {
        "metrics.scrape_namespace": "monitoring", "metrics.service_monitor": True,
        "metrics.monitor_labels": {"release": "prometheus"}, **POLICIES,
    }  # fmt: skip
    made = rendering("production", changes)
    labels = {"kubernetes.io/metadata.name": "monitoring"}
    [peer] = values(made)["statsd"]["extraNetworkPolicies"]
    assert peer == {"namespaceSelector": {"matchLabels": labels}}
    monitor = yaml.safe_load(made.tree.by_logical("secrets/service-monitor").text)
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["selector"]["matchLabels"]["component"] == "statsd"
    assert monitor["spec"]["endpoints"] == [{"port": "statsd-scrape", "path": "/metrics"}]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"metrics.kind": "statsd"}, "metrics.target"),
        ({**OTEL, "metrics.target": "otel.example.internal"}, "metrics.target"),
        ({**OTEL, "metrics.target": "otel.example.internal:70000"}, "metrics.target"),
        ({**OTEL, "metrics.target": "localhost:4318"}, "metrics.target"),
        ({**OTEL, "metrics.target": "https://otel.example:4318"}, "metrics.target"),
        ({"metrics.prefix": "a b"}, "metrics.prefix"),
        ({"metrics.prefix": ""}, "metrics.prefix"),
        ({"metrics.prefix": "acme."}, "metrics.prefix"),
        ({"metrics.prefix": "a..b"}, "metrics.prefix"),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, object], key: str) -> None:
    [problem] = validate_answers(filled("production", changes)).problems
    assert problem.key == key


def test_an_ipv6_target_loses_its_brackets() -> None:
    changes = {**STATSD, "metrics.target": "[fd00::9]:9125", "metrics.ipv6": True}
    found = configured(changes)
    assert (found["statsd_host"], found["statsd_ipv6"]) == ("fd00::9", "True")
