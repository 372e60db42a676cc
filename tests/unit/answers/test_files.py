"""Layers, single settings and validation: every problem at once, by its dotted key."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scenarios import NEEDED, SCENARIOS, Scenario, newcomer
from wizard.answers.files import (
    ValidationResult,
    answers_text,
    apply_assignments,
    merge_layers,
    require_valid_answers,
    validate_answers,
)
from wizard.answers.presets import list_presets, load_preset
from wizard.answers.questions import field_specs
from wizard.errors import AnswersError
from wizard.formats.nested import put_value
from wizard.formats.yaml_reader import read_mapping

MINIMAL = Scenario(NEEDED).data


def keys(found: ValidationResult) -> set[str]:
    return {problem.key for problem in found.problems}


def says(found: ValidationResult, key: str) -> str:
    return next(problem.message for problem in found.problems if problem.key == key)


def test_without_answers_what_is_needed_is_named() -> None:
    assert keys(validate_answers({})) == set(NEEDED)


def test_types_and_rules_are_told_at_once() -> None:
    data = {
        "executor": {"kind": "Foo", "workers": {"replicas": True}},
        "database": {"port": 99999, "hots": "x"},
        "secrets": {"vault": {"path": "a/*/b"}},
        "values": [],
    }

    found = validate_answers(data)

    assert found.answers is None
    assert keys(found) == {
        "executor.kind",
        "executor.workers.replicas",
        "database.port",
        "database.hots",
        "secrets.vault.path",
        "values",
        *NEEDED,
    }


def test_a_choice_that_cannot_be_read_blames_nothing_that_depends_on_it() -> None:
    found = validate_answers({**MINIMAL, "delivery": {"kind": "knd"}})

    assert keys(found) == {"delivery.kind"}
    assert says(found, "delivery.kind") == "give 'argocd', 'helm', 'helmsman', 'kind' or 'minikube'"


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("executor.workers.replicas", "many", "give a whole number"),
        ("executor.workers.replicas", 1.5, "give a whole number"),
        ("executor.workers.replicas", True, "give a whole number"),
        ("executor.workers.replicas", [], "give a whole number"),
        ("executor.workers.replicas", -1, "give at least 1"),
        ("database.port", 0, "give at least 1"),
        ("database.port", 70000, "give at most 65535"),
        ("dags.credentials.needed", "perhaps", "give true or false"),
        ("database.name", 5, "give text; quote it if YAML reads it as a different type"),
        ("database.name", None, "give text; quote it if YAML reads it as a different type"),
        ("database.name", {}, "give text; quote it if YAML reads it as a different type"),
        ("database", "x", "give a mapping of keys to values"),
        ("database", None, "give a mapping of keys to values"),
        ("database", [], "give a mapping of keys to values"),
        ("dags.host_keys", {}, "give a list"),
        ("environment.variables", "A=1", "give a mapping of keys to values"),
        ("values", 5, "give a mapping of keys to values"),
        ("databse", {}, "there is no such key; did you mean database?"),
        ("database.pot", 1, "there is no such key; did you mean port?"),
        ("database.pgbouncer.mod", 1, "there is no such key; did you mean mode?"),
        ("access.zzzz", 1, "there is no such key; known here: kind, base_url"),
        ("dags.host_keys", [{"host": "a", "type": "b", "key": "c", "x": 1}], "known here: host"),
        ("installation.namespace", "Data_Team", "lower-case letters"),
        ("dags.period", "5", "give a duration such as 30s"),
        ("secrets.vault.path", "a/../b", "no .., *, +"),
        ("repository.paths.apps", "../up", "without .."),
        ("repository.paths.apps", ".git/hooks", "without .git names"),
        ("repository.paths.apps", "/etc", "give a relative path"),
        ("database.host", "localhost", "localhost is the pod itself"),
        ("dags.repo", "file:///etc", ""),
        ("dags.repo", "https://u:pw@h.example/x.git", "remove the credentials"),
        ("installation.airflow", "latest", "give a plain X.Y.Z"),
    ],
)
def test_the_message_says_what_would_be_right(key: str, value: Any, wanted: str) -> None:
    data = Scenario({**NEEDED, key: value}).data

    found = validate_answers(data)

    # A key that is like no known one may be a secret, so it is not repeated.
    shown = key.replace("zzzz", "(an unknown key)")
    (problem,) = [one for one in found.problems if one.key.startswith(shown)]
    assert wanted in problem.message


def test_answers_that_do_not_apply_are_ignored_with_a_warning() -> None:
    extra = {"database.pgbouncer.host": "pool.example.internal", "broker.port": 1234}

    plain = validate_answers(MINIMAL)
    found = validate_answers(Scenario({**NEEDED, **extra}).data)

    assert plain.answers is not None
    assert found.answers is not None
    assert found.answers.model_dump() == plain.answers.model_dump()
    assert found.answers.kept == extra
    assert plain.warnings == ()
    assert [warning.partition(" ")[0] for warning in found.warnings] == list(extra)
    assert "an external PgBouncer" in found.warnings[0]


def test_layers_mix_by_question_and_never_inside_one() -> None:
    under = {
        "database": {"host": "a", "password": {"env": "A"}},
        "environment": {"variables": {"A": "1"}},
    }
    over = {"database": {"password": {"store": True}}, "environment": {"variables": {"B": "2"}}}

    assert merge_layers(under, over) == {
        "database": {"host": "a", "password": {"store": True}},
        "environment": {"variables": {"B": "2"}},
    }


def test_a_setting_is_yaml_of_the_type_of_its_question() -> None:
    data = apply_assignments(
        {"dags": {"key": {"generate": True, "public": "ssh-ed25519 AAAA"}}},
        [
            "installation.chart=1.20.0",
            "dags.ref=007",
            'database.name="quoted"',
            "executor.workers.replicas=3",
            "environment.reloader=true",
            "environment.variables=A=1, B=x=y",
            "database.password=env:OTHER",
            "admin.password={store: true}",
            "dags.key=store",
            "values.config.core.parallelism=7",
            "values.labels={team: data}",
        ],
    )

    assert data["installation"] == {"chart": "1.20.0"}
    assert data["dags"] == {"ref": "007", "key": {"store": True, "public": "ssh-ed25519 AAAA"}}
    assert data["database"] == {"name": "quoted", "password": {"env": "OTHER"}}
    assert data["executor"] == {"workers": {"replicas": 3}}
    assert data["environment"] == {"reloader": True, "variables": {"A": "1", "B": "x=y"}}
    assert data["values"] == {"config": {"core": {"parallelism": 7}}, "labels": {"team": "data"}}


def test_every_bad_setting_is_told_at_once_and_no_value_repeated() -> None:
    with pytest.raises(AnswersError) as caught:
        apply_assignments(
            {},
            ["hunter2", "database=hunter2", "database.prot=hunter2", "values..a=hunter2",
             "database.password=hunter2", "values.a=[hunter2", "dags.key.public=hunter2",
             "executor.workers.replicas=[hunter2", "environment.variables=hunter2"],
        )  # fmt: skip

    told = [str(problem) for problem in caught.value.problems]
    assert len(told) == 9
    assert "hunter2" not in "".join(told)
    assert told[0] == "KEY=VALUE number 1 has no ="
    assert told[1].startswith("database: names ")
    assert told[2].endswith("did you mean database.port?")
    assert told[6].endswith("did you mean dags.key?")


@pytest.mark.parametrize("name", [*SCENARIOS, *list_presets()])
def test_saved_answers_read_back_equal(name: str) -> None:
    data, under = (
        (SCENARIOS[name].data, MINIMAL)
        if name in SCENARIOS
        else (load_preset(name).answers, newcomer(name).data)
    )
    answers, ignored = require_valid_answers(merge_layers(under, data))

    again, warnings = require_valid_answers(read_mapping(answers_text(answers), "answers.yaml"))

    assert again == answers
    assert warnings == ignored


def test_answers_that_do_not_apply_stay_in_the_file_and_apply_again() -> None:
    data = Scenario({**NEEDED, "executor.workers.replicas": 7, "broker.persistence": "3Gi"}).data
    celery, _ = require_valid_answers(data)
    switched = put_value(data, ("executor", "kind"), "KubernetesExecutor")
    kubernetes, warnings = require_valid_answers(switched)
    assert {one.partition(" ")[0] for one in warnings} == {
        "executor.workers.replicas", "broker.persistence",
    }  # fmt: skip

    saved = read_mapping(answers_text(kubernetes), "answers.yaml")
    back, _ = require_valid_answers(put_value(saved, ("executor", "kind"), "CeleryExecutor"))

    assert back == celery


_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from(["kind", "external", "true", "5", "\u202e", "$(id)", "{{ x }}"]),
)  # fmt: skip
_KEYS = st.sampled_from(
    sorted(
        {part for item in field_specs() for part in item.path} | {"schema", "values", "nope", ""}
    )
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(_KEYS, _TREES, max_size=5))
def test_whatever_the_file_holds_validation_ends_in_problems_with_keys(data: Any) -> None:
    found = validate_answers(data)

    assert found.problems or found.answers is not None
    assert all(problem.message for problem in found.problems)


@given(st.sampled_from(field_specs()), _TREES)
def test_any_value_for_any_question_is_taken_or_refused_by_its_key(item: Any, value: Any) -> None:
    found = validate_answers(Scenario({**NEEDED, item.key: value}).data)

    assert found.answers is not None or any(
        problem.key == item.key or problem.key.startswith(f"{item.key}.")
        for problem in found.problems
    )


@given(st.lists(st.text(max_size=30) | st.builds("{}={}".format, _KEYS, st.text(max_size=30))))
def test_any_setting_is_taken_or_refused(assignments: list[str]) -> None:
    try:
        data = apply_assignments({}, assignments)
    except AnswersError as error:
        assert error.problems  # noqa: PT017 - either way is right
    else:
        assert isinstance(data, dict)


@given(st.sampled_from(field_specs()), st.text(max_size=40))
def test_any_text_for_any_question_is_taken_or_refused(item: Any, text: str) -> None:
    try:
        data = apply_assignments(MINIMAL, [f"{item.key}={text}"])
    except AnswersError as error:
        assert [problem.key for problem in error.problems] == [item.key]  # noqa: PT017
    else:
        assert validate_answers(data).problems is not None
