"""No finding repeats a key or value of unknown provenance, and misspelt keys stay readable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.canary import MARKER
from tests.unit.checks.trees import METADATA, VALUES, Case, good
from wizard.findings import Finding
from wizard.formats.messages import UNKNOWN_KEY, show_name, show_path
from wizard.plan.plan import Plan
from wizard.secrets.scan import withhold_secrets

KEYS = (MARKER, f"{MARKER}-a.b/c", f"password:{MARKER}")
VALUES_OF = (MARKER, f"x {MARKER}", [MARKER], {MARKER: MARKER}, None)


def keys_everywhere(node: Any, key: str) -> Any:
    """The same data with one more key in every mapping, also below lists."""
    if isinstance(node, dict):
        return {**{name: keys_everywhere(one, key) for name, one in node.items()}, key: {key: 1}}
    if isinstance(node, list):
        return [*(keys_everywhere(one, key) for one in node), {key: [{key: 1}]}]
    return node


def values_everywhere(node: Any, value: object) -> Any:
    """The same data with this value in the place of every leaf."""
    if isinstance(node, dict):
        return {name: values_everywhere(one, value) for name, one in node.items()}
    if isinstance(node, list):
        return [values_everywhere(one, value) for one in node]
    return value


def leaves(node: Any) -> Iterator[tuple[Any, Any]]:
    """Each place of the data that holds a leaf."""
    for key, one in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(one, (dict, list)) and one:
            yield from leaves(one)
        else:
            yield node, key


def repeated(found: list[Finding]) -> list[str]:
    return [str(one) for one in found if MARKER.lower() in json.dumps(one.to_json()).lower()]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_not_repeated_by_any_rule(key: str) -> None:
    for path in good().objects:
        case = good()
        case.objects[path] = keys_everywhere(case.objects[path], key)

        assert not repeated(case.run()), path


@pytest.mark.parametrize("value", VALUES_OF, ids=str)
def test_a_value_is_not_repeated_by_any_rule(value: object) -> None:
    for path in good().objects:
        case = good()
        case.objects[path] = values_everywhere(case.objects[path], value)

        assert not repeated(case.run()), path


def test_a_single_value_is_not_repeated_by_any_rule() -> None:
    case = good()
    for path in (VALUES, METADATA):
        for node, key in leaves(case.objects[path]):
            node[key], before = f"{MARKER}-1", node[key]
            shown = repeated(case.run())
            node[key] = before
            assert not shown, (path, key)


TWICE = [{"name": MARKER, "value": "1"}]


@pytest.mark.parametrize(
    "values",
    [
        {"env": TWICE, "scheduler.env": TWICE},
        {"executor": MARKER, "env": [{"name": "AIRFLOW__CORE__EXECUTOR", "value": "x"}]},
        {"dags.gitSync.subPath": MARKER, "config.core.dags_folder": "/x"},
        {"ports.apiServer": MARKER, "config.api.port": "1"},
        {f"config.core.{MARKER.lower()}": "1",
         "env": [{"name": f"AIRFLOW__CORE__{MARKER.upper()}", "value": "2"}]},
        {f"config.kubernetes.{MARKER}": "1"},
        {"config.api.base_url": f"https://a.example/{MARKER}",
         "config.core.execution_api_server_url": "http://airflow-api-server:8080/x/"},
        {"config.api.base_url": f"https://{MARKER}/", "ingress.apiServer.enabled": True,
         "ingress.apiServer.hosts": [{"name": "a.example"}]},
        {f"webserver.{MARKER}": 1},
    ],
    ids=lambda values: next(iter(values)),
)  # fmt: skip
def test_what_a_rule_compares_is_not_repeated(values: dict[str, object]) -> None:
    case = good()
    for dotted, value in values.items():
        case.set(VALUES, dotted, value)
    found = case.run()

    assert [one for one in found if one.rule.startswith("configuration.")]
    assert not repeated(found)


def test_a_misspelt_key_is_shown_and_no_other() -> None:
    case = good()
    case.set(VALUES, "webservr", {})
    case.set(VALUES, "workers.metadataSecretNam", 1)
    case.set(VALUES, f"workers.{MARKER}", 1)

    found = [one for one in case.run() if one.rule == "values.unknown-key"]

    assert {one.where for one in found} == {
        "webservr", "workers.metadataSecretNam", f"workers.{UNKNOWN_KEY}",
    }  # fmt: skip
    assert Plan("airflow", findings=found).may_contain_secret
    shown = [one for one in found if UNKNOWN_KEY not in one.where]
    assert not Plan("airflow", findings=shown).may_contain_secret


def test_the_schema_names_no_unknown_field() -> None:
    schema = {"type": "object", "additionalProperties": False, "properties": {"replicas": {}}}
    case = good()
    case.more["chart_schema"] = schema
    case.objects[VALUES] = {"replica": 1, MARKER: 2}
    (one,) = [one for one in case.run() if one.rule == "schema.values"]

    assert one.message == f"unknown field {UNKNOWN_KEY}, replica"


@pytest.mark.parametrize(
    ("name", "is_shown"),
    [("webservr", True), ("dagProcesor", True), ("extraEnvFrm", True),
     ("fernetkey", True), ("replica", True), ("horse", False), ("hunter2", False),
     ("correct-horse-battery", False), ("Sunshine", False), ("HqTrKpw", False),
     (f"webserver{MARKER}", False), ("a" * 201, False)],
)  # fmt: skip
def test_a_name_is_shown_by_its_words(name: str, is_shown: bool) -> None:
    known = ("webserver", "dagProcessor", "extraEnvFrom", "fernetKey", "replicas", "hosts")

    assert show_name(name, known) == (name if is_shown else "")
    assert show_path(("hosts", 0, name), known) == (f"hosts[0].{name if is_shown else UNKNOWN_KEY}")


@pytest.mark.parametrize(
    "place",
    ['metadata.labels."app.kubernetes.io/name"', "workers.extraVolumes[0].configMap.items[1].key",
     "line 12", "document 2: spec.source", "extraConfigMaps.my-config-2.data", "env[3].value",
     "environment.AIRFLOW__S3__REMOTE_LOG_CONN_ID", 'data."airflow.cfg"', "data.statsd_2.yml"],
)  # fmt: skip
def test_a_place_with_plain_names_is_shown(place: str) -> None:
    assert withhold_secrets(place) == place


def test_a_key_of_the_chart_is_shown() -> None:
    place = "kerberos.keytabBase64Content"

    assert withhold_secrets(place, {"keytabBase64Content"}) == place


def test_a_place_is_withheld_by_key() -> None:
    place = f'extraConfigMaps.{MARKER}.data."{MARKER}.txt"[2].name'

    assert withhold_secrets(place) == (f"extraConfigMaps.{UNKNOWN_KEY}.data.{UNKNOWN_KEY}[2].name")
    assert withhold_secrets("database.password:hunter2pw") == f"database.{UNKNOWN_KEY}"


def test_the_cases_are_good_before() -> None:
    assert isinstance(good(), Case)
    assert good().run() == []
