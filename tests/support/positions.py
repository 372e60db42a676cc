"""Every place of the command line that takes a value, found from the parser itself."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from wizard.cli.option_types import require_path
from wizard.cli.parser import build_parser

# Values for the positionals that a command requires, so that others can be tested.
_NEEDED = {"set": ("database.port=5432",)}


@dataclass(frozen=True)
class Position:
    """One place for a value; `line` is the command line with a value in that place."""

    command: str
    name: str
    takes_value: bool
    is_path: bool = False

    def __str__(self) -> str:
        return f"{self.command} {self.name}".strip()

    def line(self, value: str) -> list[str]:
        """The arguments of a run with this value in this place."""
        needed = list(_NEEDED.get(self.command, ()))
        start = [self.command] if self.command else []
        if self.name.startswith("-"):
            if self.takes_value:
                return [*start, *needed, self.name, value]
            return [*start, *needed, f"{self.name}={value}"]
        if self.name == "unknown option":
            return [*start, *needed, "--password", value]
        if self.name == "unknown option with =":
            return [*start, *needed, f"--{value}={value}"]
        if self.name == "one more argument":
            return [*start, *needed, value, value]
        return [*start, value]


def find_positions() -> list[Position]:
    """Every option and positional of every command, and some that do not exist."""
    top = build_parser()
    found: list[Position] = []
    parsers: list[tuple[str, argparse.ArgumentParser]] = [("", top)]
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            parsers += action.choices.items()
    for command, parser in parsers:
        for action in parser._actions:
            if "--help" in action.option_strings:
                continue
            names = action.option_strings or [action.dest]
            is_path = action.type is require_path
            found += [Position(command, name, action.nargs != 0, is_path) for name in names]
        for name in ("unknown option", "unknown option with =", "one more argument"):
            found.append(Position(command, name, True))
    return found
