"""An import gives the values of its input back, loses none, and takes no secret and no evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support import rendered
from tests.support.canary import Canary
from tests.support.paths import DATA
from tests.support.sampling import share
from wizard.answers.files import answers_data, validate_answers, with_value
from wizard.answers.presets import list_presets
from wizard.answers.questions import field_specs
from wizard.declarations.declaration import Declaration
from wizard.declarations.values import EffectiveValues, Layer
from wizard.formats.nested import get_value
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.imports.importer import import_declaration
from wizard.imports.leaves import add_defaults, get_source, list_leaves
from wizard.imports.removals import show_place
from wizard.imports.result import Imported
from wizard.plan.render import render

CHART = "1.22.0"
# Two answers give the same values: a volume of Azure's, and the claim that is made for it.
AMBIGUOUS = ("logs.b", "logs.existing_claim", "logs.size", "dags.host_keys")
# Answers of many kinds, over several presets.
VARIANTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("production", {"executor.kind": "CeleryExecutor,KubernetesExecutor", "executor.queue": "a,b"}),
    ("production", {"access.base_url": "https://a.example.com", "access.kind": "httproute",
                    "access.gateway": {"name": "g", "namespace": "gateways"}}),
    ("production", {"environment.variables": {"HTTP_AGENT": "x", "MORE": "y"}}),
    ("existing-secrets", {"secrets.existing.metadata": {"name": "team-db", "key": "connection"},
                          "installation.release": "data-platform"}),
    ("production", {"logs.kind": "remote", "logs.destination": "gcs", "logs.url": "gs://logs/a"}),
    ("production", {"components.schedule.services.node_selector": {"disk": "ssd"},
                    "components.pod_labels": {"team.example/a": "b"}}),
    ("local", {"executor.workers.concurrency": 3, "broker.persistence": ""}),
    ("production", {"installation.airflow": "2.11.0", "installation.chart": "1.18.0"}),
    ("production", {"dags.source": "image",
                    "installation.image": {"repository": "r.example.com/airflow", "tag": "a1"}}),
    ("production", {"executor.workers.autoscaling": "keda", "executor.workers.max_replicas": 7}),
)  # fmt: skip


def declare(
    values: Mapping[str, Any], chart: str = CHART, kind: str = "values file", release: str = ""
) -> Declaration:
    """What a values file with these values declares."""
    found = EffectiveValues(dict(values), [Layer("values.yaml", "", values)])
    return Declaration(kind, "values.yaml", chart=chart, release=release, found=found)


def find_lost(values: Mapping[str, Any], found: Imported, chart: str = CHART) -> list[str]:
    """The values of the input that neither come out again nor are told in the report."""
    told = {one.key for one in (*found.dropped, *found.secrets, *found.evidence)}
    told |= {text.partition(" is deprecated")[0] for text in found.notes}
    answers = validate_answers(found.data).answers
    assert answers is not None
    made = add_defaults(list_leaves(render(answers, {}).total.values), chart)
    wanted = add_defaults(list_leaves(values), chart)
    lost = []
    for path in list_leaves(values):
        place = show_place(get_source(path))
        same = wanted.get(path) == made.get(path)
        spelled = any(place in keys for keys in found.taken.values())
        if not same and not spelled and not any(place.startswith(one) for one in told):
            lost.append(place)
    return lost


def check_round_trip(preset: str, changes: Mapping[str, object]) -> Imported:
    """Import what answers render, and compare both the values and the answers."""
    before = rendered.answers(preset, changes)
    values = render(before, rendered.assets(before)).total.values
    store, delivery = before.secrets.store, before.delivery.kind
    release = before.installation.release
    found = import_declaration(
        declare(values, before.installation.chart, release=release),
        assignments=(f"secrets.store={store}", f"delivery.kind={delivery}"),
    )
    after = validate_answers(found.data).answers
    assert after is not None
    again = render(after, {}).total.values
    ignored = {("dags", "gitSync", "knownHosts")}
    wanted, made = list_leaves(values), list_leaves(again)
    assert {k: v for k, v in wanted.items() if k not in ignored} == {
        k: v for k, v in made.items() if k not in ignored
    }
    assert not found.data.get("values")
    for item in field_specs():
        old, new = get_value(before, item.path), get_value(after, item.path)
        if old != new and item.applies(before) and not item.key.startswith(AMBIGUOUS):
            # An answer may only differ where the values do not show it.
            other = render(with_value(before, item.path, new), rendered.assets(before))
            assert list_leaves(other.total.values) == wanted, item.key
    return found


@pytest.mark.parametrize("preset", share(list_presets(), 1, 3))
def test_the_values_of_a_preset_give_its_answers_again(preset: str) -> None:
    check_round_trip(preset, {})


@pytest.mark.parametrize(("preset", "changes"), share(VARIANTS, 4, 5), ids=str)
def test_the_values_of_other_answers_give_them_again(
    preset: str, changes: dict[str, object]
) -> None:
    found = check_round_trip(preset, changes)
    assert found.trials < 2500


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_no_value_of_an_example_is_lost(name: str) -> None:
    files = sorted((DATA / "examples").glob(f"{name}-*.yaml"))
    if not files:
        pytest.skip("the examples of values are not there")
    documents, _ = parse_yaml("values.yaml", files[0].read_bytes())
    found = import_declaration(declare(documents[0]))
    assert find_lost(documents[0], found) == []
    assert len(found.taken) > 10


def test_an_answer_is_verified_and_the_rest_is_kept() -> None:
    found = import_declaration(
        declare(
            {
                "executor": "KubernetesExecutor",
                "scheduler": {"replicas": 3, "safeToEvict": False},
                "config": {"scheduler": {"max_tis_per_query": "32"}},
                "fernetKeySecretName": "team-fernet",
                "extraEnvFrom": "- secretRef:\n    name: team-variables\n",
            }
        )
    )
    assert get_value(found.data, ("executor", "kind")) == "KubernetesExecutor"
    assert get_value(found.data, ("components", "scheduler", "replicas")) == 3
    assert get_value(found.data, ("secrets", "existing", "fernet_key", "name")) == "team-fernet"
    assert {"name": "team-variables", "from": "existing"} in found.data["secrets"]["extra"]
    assert found.data["values"]["config"] == {"scheduler": {"max_tis_per_query": "32"}}
    assert "scheduler.safeToEvict" in found.kept
    assert "database.host" in {one.key for one in found.needed}


def test_dead_and_unknown_keys_are_told_in_one_round() -> None:
    found = import_declaration(
        declare({"webserver": {"replicas": 2}, "shceduler": {"replicas": 2}, "executer": "x"})
    )
    told = {one.key: one.reason for one in found.dropped}
    assert "webserver.replicas" in told or "webserver" in told
    assert "did you mean executor" in told["executer"]
    assert "shceduler" in told


def test_secrets_are_named_and_nowhere_repeated(canary: Canary) -> None:
    secret = canary.secret("pass")
    values = {
        "executor": "LocalExecutor",
        "data": {"metadataConnection": {"host": "pg.example.com", "user": "af", "pass": secret}},
        "fernetKey": canary.secret("fernet"),
        "env": [
            {"name": "SMTP_PASSWORD", "value": canary.secret("smtp")},
            {"name": "PLAIN", "value": "x"},
        ],
        "extraSecrets": {"a": {"stringData": f"password: {canary.secret('extra')}"}},
        "config": {"smtp": {"smtp_password": canary.secret("ini")}, "core": {"a_copy": secret}},
        "dags": {"gitSync": {"sshKey": canary.secret("key"), "knownHosts": "git.example.com k v"}},
    }
    found = import_declaration(declare(values))
    assert (
        canary.traces(found.to_text(), json.dumps(found.to_json()), "\n".join(found.to_lines()))
        == []
    )
    assert {"data.metadataConnection.pass", "fernetKey", "dags.gitSync.sshKey"} <= {
        one.key for one in found.secrets
    }
    assert [one.key for one in found.evidence] == ["dags.gitSync.knownHosts"]
    assert get_value(found.data, ("database", "host")) == "pg.example.com"
    assert get_value(found.data, ("database", "user")) == "af"
    assert not get_value(found.data, ("dags", "host_keys"))
    assert get_value(found.data, ("environment", "variables")) == {"PLAIN": "x"}


@pytest.mark.parametrize(
    ("chart", "tag", "wanted"),
    [
        ("1.21.0", "3.2.0", ("1.21.0", "3.2.0")),
        ("~1.20", "", ("1.20.0", "3.1.8")),
        ("", "2.10.3-r3", ("1.18.0", "2.10.3")),
        ("1.15.0", "2.9.3", ("1.16.0", "2.10.0")),
        ("", "", ("1.22.0", "3.2.2")),
    ],
)
def test_versions_come_from_the_input(chart: str, tag: str, wanted: tuple[str, str]) -> None:
    image = {"images": {"airflow": {"repository": "r.example.com/a", "tag": tag}}} if tag else {}
    found = import_declaration(declare(image, chart))
    installation = found.data["installation"]
    assert (installation["chart"], installation["airflow"]) == wanted
    assert bool(found.notes) == ((chart, tag) != ("1.21.0", "3.2.0"))


def test_the_text_is_an_answers_file() -> None:
    found = import_declaration(declare({"executor": "LocalExecutor"}, release="airflow"))
    text = found.to_text()
    documents, findings = parse_yaml("answers.yaml", text.encode())
    assert not findings
    assert "# NEEDED dags.repo" in text
    again = validate_answers(documents[0])
    assert again.answers is not None
    assert answers_data(again.answers)["executor"]["kind"] == "LocalExecutor"
