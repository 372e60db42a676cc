"""Presets are valid as far as they go, and leave a newcomer few questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.rendered import filled, findings, rendering, values
from wizard.answers import presets
from wizard.answers.files import validate_answers
from wizard.answers.questions import field_specs
from wizard.errors import UsageError
from wizard.formats.nested import get_value, put_value
from wizard.formats.yaml_writer import dump_yaml


def leaves(data: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in data.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            found.update(leaves(value, path))
        else:
            found[path] = value
    return found


@pytest.mark.parametrize("name", presets.list_presets())
def test_a_newcomer_answers_at_most_a_dozen_questions(name: str) -> None:
    preset = presets.load_preset(name).answers
    found = validate_answers(preset)
    assert found.answers is not None
    assert found.warnings == ()
    needed = [problem.key for problem in found.problems]
    assert all("is required" in problem.message for problem in found.problems)
    assert len(needed) <= (0 if name == "local" else 12)
    assert set(needed) <= leaves(filled(name)).keys() - leaves(preset).keys()
    assert validate_answers(filled(name)).problems == ()


@pytest.mark.parametrize("name", presets.list_presets())
def test_a_preset_names_questions_and_holds_no_evidence_or_value(name: str) -> None:
    preset = presets.load_preset(name)
    assert preset.title
    assert len(preset.description) > 40
    keys = {item.key for item in field_specs()}
    for key in leaves(preset.answers):
        assert key in keys, key
    assert get_value(preset.answers, ("dags", "host_keys")) is None
    assert get_value(preset.answers, ("values",)) is None


@pytest.mark.parametrize("name", presets.list_presets())
def test_a_preset_passes_every_check(name: str) -> None:
    assert [str(item) for item in findings(rendering(name))] == []


def test_presets_hold_for_the_next_airflow() -> None:
    """Airflow 3.3 is the candidate for the default; it removed no option that 3.2.2 has."""
    for name in ("production", "kubernetes-executor"):
        made = rendering(name, {"installation.airflow": "3.3.2"})
        assert [str(item) for item in findings(made) if item.is_error] == []


def test_presets_are_what_their_names_say() -> None:
    hardened = rendering("production").release
    assert (hardened.store, hardened.cluster_store) == ("vault", False)
    assert hardened.pgbouncer
    assert hardened.network_policies
    assert hardened.disruption_budgets
    series = rendering("gitops-vault")
    assert series.release.cluster_store
    assert series.tree.by_logical("argocd/bootstrap/parent").text
    policy = series.tree.by_logical("vault/policy").text
    assert '"secret/data/airflow/config"' in policy
    pods = rendering("kubernetes-executor")
    assert (pods.release.kubernetes, pods.release.celery) == (True, False)
    assert pods.release.network_policies
    # Neither the pod nor its log is there when somebody looks.
    assert values(pods)["config"]["logging"]["remote_logging"] == "True"
    runtime = pods.tree["vault/airflow/external-secrets-airflow-runtime-read.hcl"].text
    assert "airflow-install" not in runtime
    laptop = rendering("local").release
    assert (laptop.delivery, laptop.store, laptop.bundled_database) == ("kind", "kubernetes", True)


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no preset of that name") as refused:
        presets.load_preset("prod")
    assert all(name in refused.value.hint for name in presets.list_presets())


@pytest.mark.parametrize("name", presets.list_presets())
def test_a_printed_preset_has_every_key_to_fill_in(name: str) -> None:
    preset = presets.load_preset(name)
    data, comments = presets.fill_in(preset)
    needed = {problem.key for problem in validate_answers(preset.answers).problems}
    paths = [item.path for item in field_specs() if item.key in needed]
    assert list(comments) == paths
    assert all(get_value(data, path) == "" for path in paths)
    assert leaves(preset.answers).items() <= leaves(data).items()
    assert dump_yaml(data, comments).count("# NEEDED: ") == len(needed)
    # Filled in, the file is complete.
    for path in paths:
        data = put_value(data, path, get_value(filled(name), path))
    assert validate_answers(data).problems == ()
