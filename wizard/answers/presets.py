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


def fill_in(preset: Preset) -> tuple[dict[str, Any], dict[tuple[str | int, ...], str]]:
    """Return the preset as a file to fill in: its answers, and its open questions as empty ones.

    The second value has a comment for each open question, by path. Questions keep their order.
    """
    from wizard.answers.files import validate_answers
    from wizard.answers.open_questions import describe_place, find_unanswered
    from wizard.answers.questions import field_specs
    from wizard.formats.nested import get_value, put_value

    answers = validate_answers(preset.answers).answers
    needed = find_unanswered(preset.answers)
    data: dict[str, Any] = {}
    comments: dict[tuple[str | int, ...], str] = {}
    for item in field_specs():
        value = get_value(preset.answers, item.path)
        if item.key in needed and answers is not None and item.applies(answers):
            value = item.default if value is None else value
            comments[item.path] = f"NEEDED: {item.help}\n{describe_place(item)}"
        if value is not None:
            data = put_value(data, item.path, value)
    return data, comments
