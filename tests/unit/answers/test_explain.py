"""Help, explain, schema and presets: all from the same questions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from tests.support.cli import Wizard, aw
from tests.support.scenarios import NEEDED, SCENARIOS, Scenario, newcomer
from tests.tools.questions import text
from wizard.answers.explain import (
    QUESTIONS_FILE,
    build_explanations,
    describe_problem,
    explain_question,
    find_explanations,
    load_explanations,
)
from wizard.answers.files import (
    answers_data,
    apply_assignments,
    merge_layers,
    parse_value,
    require_valid_answers,
    validate_answers,
)
from wizard.answers.host_keys import HOST_KEY_QUESTIONS
from wizard.answers.presets import list_presets, load_preset
from wizard.answers.questions import field_specs
from wizard.cli.commands import COMMANDS
from wizard.cli.parser import build_parser
from wizard.errors import AnswersError
from wizard.formats.nested import get_value, put_value

__all__ = ["aw"]


def test_what_is_stored_is_what_is_asked() -> None:
    stored = QUESTIONS_FILE.read_text(encoding="utf-8")
    assert stored == text(), "run make generated"
    assert load_explanations() == build_explanations()


@pytest.mark.parametrize("item", field_specs(), ids=lambda item: item.key)
def test_every_question_is_explained(item: Any) -> None:
    (found,) = find_explanations(item.key)
    shown = found.to_text()

    assert item.key in shown
    assert item.title in shown
    assert item.help in shown
    assert item.when.text in shown
    assert json.dumps(found.to_json())
    for choice in item.choices:
        assert choice in found.takes


def test_a_prefix_explains_all_below_it() -> None:
    assert [row.key for row in find_explanations("dags.credentials")] == [
        "dags.credentials.needed",
        "dags.credentials.username",
        "dags.credentials.password",
    ]
    assert [row.key for row in load_explanations()][:-1] == [item.key for item in field_specs()]


def test_what_passes_through_is_explained_too() -> None:
    (row,) = find_explanations("values")

    assert "Merged last" in row.help
    assert find_explanations("values.workers.replicas") == [row]
    assert load_explanations()[-1] == row


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("databas", "database"),
        ("database.hots", "database.host"),
        ("database.host.name", "database.host"),
        ("dags.host_keys.0.key", "dags.host_keys"),
        ("value", "values"),
        ("", ""),
    ],
)
def test_the_nearest_key_is_named(key: str, near: str) -> None:
    with pytest.raises(AnswersError) as caught:
        find_explanations(key)

    assert f"did you mean {near}?" in str(caught.value.problems[0]) or not near


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node:
            yield node
        for below in node.values():
            yield from _objects(below)
    elif isinstance(node, list):
        for below in node:
            yield from _objects(below)


def test_the_schema_is_valid_and_takes_what_the_wizard_writes(aw: Wizard) -> None:
    schema = json.loads(aw.ok("schema").out)
    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    validator = jsonschema_rs.Draft202012Validator(schema)

    for name in (*SCENARIOS, *list_presets()):
        given = SCENARIOS[name].data if name in SCENARIOS else load_preset(name).answers
        under = newcomer(name).data if name in list_presets() else Scenario(NEEDED).data
        answers, _ = require_valid_answers(merge_layers(under if name != "laptop" else {}, given))
        assert [str(error) for error in validator.iter_errors(answers_data(answers))] == []
        assert validator.is_valid(load_preset(name).answers if name in list_presets() else given)


@pytest.mark.parametrize(
    "wrong",
    [
        {"databse": {}},
        {"database": {"port": "x"}},
        {"database": {"port": 0}},
        {"database": {"password": "hunter2"}},
        {"database": {"password": {"env": "a b"}}},
        {"executor": {"kind": "Foo"}},
        {"dags": {"key": {"generate": True, "env": "A"}}},
        {"schema": 2},
        {"values": []},
    ],
)
def test_the_schema_refuses_what_the_wizard_refuses(aw: Wizard, wrong: dict[str, Any]) -> None:
    validator = jsonschema_rs.Draft202012Validator(json.loads(aw.ok("schema").out))

    assert not validator.is_valid(wrong)


def test_every_property_of_the_schema_forbids_what_it_does_not_know(aw: Wizard) -> None:
    for node in _objects(json.loads(aw.ok("schema").out)):
        assert node["additionalProperties"] is False, node.get("title")


@pytest.mark.parametrize("name", list_presets())
def test_a_preset_printed_is_an_answers_file(aw: Wizard, name: str) -> None:
    from wizard.answers.files import parse_answers

    preset = load_preset(name).answers
    printed = parse_answers(aw.ok("presets", name).out, name)
    for problem in validate_answers(preset).problems:
        path = tuple(problem.key.split("."))
        assert get_value(printed, path) == ""
        preset = put_value(preset, path, "")
    assert printed == preset
    assert json.loads(aw.ok("presets", name, "--json").out) == load_preset(name).answers
    rows = json.loads(aw.ok("presets", "--json").out)
    assert name in [row["name"] for row in rows]
    assert f"{name} " in aw.ok("presets").out


def test_a_preset_printed_marks_what_is_left_to_fill(aw: Wizard) -> None:
    left = [problem.key for problem in validate_answers(load_preset("production").answers).problems]
    lines = [line.strip() for line in aw.ok("presets", "production").out.splitlines()]

    assert "database.host" in left
    for key in left:
        at = lines.index(f'{key.rpartition(".")[2]}: ""')
        above = lines[at - 1 :: -1]
        comment = [line for _, line in zip(range(3), above, strict=False) if line[:1] == "#"]
        assert any(line.startswith("# NEEDED: ") for line in comment), key
    assert "NEEDED" not in aw.ok("presets", "local").out


def test_help_lists_every_command_and_option() -> None:
    shown = build_parser().format_help()

    for command in set(COMMANDS) - {"screens"}:
        assert f"    {command} " in shown
    for option in ("--repo", "--installation", "--all", "--answers", "--preset", "--set",
                   "--host-key-fingerprint", "--chart", "--yes", "--json",
                   "--version"):  # fmt: skip
        assert option in shown
    for code in ("0 done", "2 files differ", "3 answers", "4 refused", "5 conflict", "64 usage",
                 "70 a bug", "130 interrupted"):  # fmt: skip
        assert code in " ".join(shown.split())


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"screens"}))
def test_each_command_has_help(aw: Wizard, command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([command, "--help"])

    assert ended.value.code == 0


def test_a_question_depends_on_earlier_answers_only() -> None:
    """Screens and prompts go forward: a question that a later answer opens would be missed.

    A later answer may close one that its default opens.
    """
    place = {item.key: number for number, item in enumerate(field_specs())}
    defaults = {item.key: item.default for item in field_specs()}
    late = [
        (item.key, one.key)
        for item in field_specs()
        for one in (*item.model.when.requirements, *item.when.requirements)
        if place.get(one.key, -1) > place[item.key] and not one.accepts(defaults[one.key])
    ]
    assert not late


def test_no_condition_names_a_part_twice() -> None:
    for item in field_specs():
        parts = item.when.text.split(" and ")
        assert len(set(parts)) == len(parts), item.key


def test_each_list_shows_an_example_that_is_valid() -> None:
    """Host keys have a page of their own, which asks for one after the other."""
    lists = {item.key: item for item in field_specs() if item.kind == "list"}
    lists = {key: item for key, item in lists.items() if key not in HOST_KEY_QUESTIONS}
    for key, item in lists.items():
        data = apply_assignments({}, [f"{key}={item.ask.example}"])
        assert get_value(data, item.path)
        found = validate_answers(data)
        assert not [one for one in found.problems if one.key.startswith(key)]
        assert f"example:    {item.ask.example}" in explain_question(item).to_text()


@pytest.mark.parametrize(("text", "message"), [
    ("[{name: a, from: existing}, {name: b, from: stor}]",
     "item 2, from: give 'store' or 'existing'"),
    ("[{name: a, from: existing, nmae: b}]",
     "item 1, nmae: there is no such key; did you mean name?"),
    ("[aws]", "item 1: give a mapping of keys to values, such as [{name: aws, "),
    ("{name: a}", "give a list, such as [{name: aws, from: store, keys: [AWS_KEY"),
    ("[{name: a, from: existing}]", ""),
])  # fmt: skip
def test_a_problem_names_the_item_and_its_field(text: str, message: str) -> None:
    item = next(one for one in field_specs() if one.key == "secrets.extra")
    found = validate_answers(apply_assignments({}, [f"secrets.extra={text}"])).problems
    own = [describe_problem(one, item) for one in found if one.key.startswith(item.key)]
    assert "\n".join(own).startswith(message)
    assert bool(own) == bool(message)
    with pytest.raises(AnswersError) as caught:
        parse_value(item, "[{name: a]")
    assert describe_problem(caught.value.problems[0], item).startswith(
        "line 1, column 10: not readable YAML, such as [{name: aws"
    )
