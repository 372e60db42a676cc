"""Presets: named partial answers that ship with the wizard."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from wizard.errors import UsageError
from wizard.formats.messages import show_name
from wizard.formats.yaml_reader import read_mapping


@dataclass(frozen=True, slots=True)
class Preset:
    """One preset: its name, its purpose, and its answers."""

    name: str
    title: str
    description: str
    answers: dict[str, Any]


def list_presets() -> tuple[str, ...]:
    """Return the names of the shipped presets, `production` first."""
    found = sorted(
        entry.name.removesuffix(".yaml")
        for entry in files("presets").iterdir()
        if entry.name.endswith(".yaml")
    )
    return tuple(sorted(found, key=lambda name: (name != "production", name)))


def load_preset(name: str) -> Preset:
    """Return a preset, merged over the one it extends; UsageError if it does not exist."""
    if name not in list_presets():
        shown = show_name(name, list_presets()) or "of that name"
        raise UsageError(
            f"there is no preset {shown}", f"choose one of: {', '.join(list_presets())}"
        )
    text = files("presets").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    data = deepcopy(_parse_preset(name, text))
    title, description = str(data.pop("title")), str(data.pop("description"))
    parent = data.pop("extends", None)
    if parent is not None:
        from wizard.answers.files import merge_layers

        data = merge_layers(load_preset(str(parent)).answers, data)
    return Preset(name, title, description, data)


@cache
def _parse_preset(name: str, text: str) -> dict[str, Any]:
    return read_mapping(text, f"presets/{name}.yaml")


def comment_missing_answers(preset: Preset) -> dict[tuple[str | int, ...], str]:
    """Return comments that name missing required answers, keyed by path in the printed file.

    A comment is placed above the innermost mapping of the preset that would hold the answer, or
    at the top (the empty path) if there is no such mapping.
    """
    from wizard.answers.files import validate_answers
    from wizard.answers.questions import field_spec, field_specs
    from wizard.formats.nested import get_value

    required = {item.key for item in field_specs() if item.ask.required}
    found: dict[tuple[str | int, ...], str] = {}
    for problem in validate_answers(preset.answers).problems:
        if problem.key not in required:
            continue
        path = field_spec(problem.key).path
        depth = next(
            (
                n
                for n in range(len(path) - 1, 0, -1)
                if isinstance(get_value(preset.answers, path[:n]), dict)
            ),
            0,
        )
        line = f"{problem.key}: {problem.message}"
        found[path[:depth]] = "\n".join(filter(None, [found.get(path[:depth], ""), line]))
    return found
