"""What stands on the command line becomes one typed record, whichever command it is for."""

from __future__ import annotations

import argparse
from dataclasses import fields
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from wizard.cli.commands import COMMANDS
from wizard.cli.options import Options
from wizard.cli.parser import build_parser, parse_options
from wizard.errors import UsageError
from wizard.git.changes import Side
from wizard.handover.scripts import Owner
from wizard.systems.target import DataKind

LOCAL = {"Owner": Owner, "DataKind": DataKind, "Side": Side}
TYPES = get_type_hints(Options, localns=LOCAL)


def _parsers() -> dict[str, argparse.ArgumentParser]:
    top = build_parser()
    (commands,) = (one for one in top._actions if isinstance(one, argparse._SubParsersAction))
    return {"": top, **commands.choices}


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    kinds = (argparse._HelpAction, argparse._SubParsersAction)
    return [one for one in parser._actions if not isinstance(one, kinds)]


def _fits(value: object, kind: Any) -> bool:
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_fits(one, get_args(kind)[0]) for one in value)
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) in {Union, UnionType}:
        return any(_fits(value, one) for one in get_args(kind))
    return isinstance(value, kind)


def _words(action: argparse.Action) -> list[str]:
    """The option or argument as it is typed, with a value where it takes one."""
    value = next(iter(action.choices)) if action.choices else "x"
    if not action.option_strings:
        return [str(value)]
    flag = action.option_strings[-1]
    return [flag] if action.nargs == 0 else [flag, str(value)]


CASES = [(name, action) for name, parser in _parsers().items() for action in _actions(parser)]


@pytest.mark.parametrize(
    ("command", "action"), CASES, ids=[f"{name}-{action.dest}" for name, action in CASES]
)
def test_each_option_fills_its_field_with_its_type(command: str, action: argparse.Action) -> None:
    required = ["a=1"] if command == "set" and action.option_strings else []
    words = _words(action)

    options = parse_options([*([command] if command else []), *required, *words])

    default = Options(command=command or "screens", assignments=tuple(required))
    changed = {
        one.name for one in fields(Options)
        if getattr(options, one.name) != getattr(default, one.name)
    }  # fmt: skip
    assert len(changed) == 1, changed
    (name,) = changed
    assert _fits(getattr(options, name), TYPES[name]), options
    if action.option_strings:
        assert f"--{name.replace('_', '-')}" == words[0]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_without_options_every_field_has_its_default(command: str) -> None:
    line = [] if command == "screens" else [command]
    if command == "set":
        line.append("a=1")

    options = parse_options(line)

    assert options == Options(command=command, assignments=tuple(line[1:]))


def test_each_field_belongs_to_an_option() -> None:
    known = {action.dest.removesuffix("_before") for _, action in CASES} | {"command", "branch"}
    assert {one.name for one in fields(Options)} == known - {"screens_branch"}


def test_the_first_option_that_was_given_is_named_as_it_is_typed() -> None:
    options = parse_options(["plan", "--host-key-fingerprint", "x", "--preset", "local"])

    assert options.find_given("answers", "host_key_fingerprint", "preset") == (
        "--host-key-fingerprint"
    )
    assert options.find_given("answers", "set") == ""


def test_options_stand_before_or_after_the_command() -> None:
    for line in (["--repo", "x", "plan"], ["plan", "--repo", "x"]):
        assert parse_options(line).repo == "x"
    for option, name in (("--set", "set"), ("--host-key-fingerprint", "host_key_fingerprint")):
        for line in (
            [option, "a=1", option, "b=2"],
            ["plan", option, "a=1", option, "b=2"],
            [option, "a=1", "plan", option, "b=2"],
            [option, "a=1", option, "b=2", "plan"],
        ):
            assert getattr(parse_options(line), name) == ("a=1", "b=2"), line


def test_the_screens_take_a_work_branch_and_no_command_loses_one() -> None:
    assert parse_options(["--branch", "b"]).branch == "b"
    assert parse_options(["commit", "--branch", "b"]).branch == "b"
    with pytest.raises(UsageError, match="is in front of commit"):
        parse_options(["--branch", "b", "commit"])
