"""Presets: named partial answers that ship with the wizard."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from wizard.errors import UsageError
from wizard.formats.yaml_reader import read_mapping


@dataclass(frozen=True, slots=True)
class Preset:
    """One preset: what it is for, and the answers it gives."""

    name: str
    title: str
    description: str
    answers: dict[str, Any]


def names() -> tuple[str, ...]:
    """Names of the shipped presets, the safest default first."""
    found = sorted(
        entry.name.removesuffix(".yaml")
        for entry in files("presets").iterdir()
        if entry.name.endswith(".yaml")
    )
    return tuple(sorted(found, key=lambda name: (name != "production", name)))


def load(name: str) -> Preset:
    """The preset of this name, with what it extends; UsageError when there is none."""
    if name not in names():
        raise UsageError(f"there is no preset {name!r}", f"choose one of: {', '.join(names())}")
    text = files("presets").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    data = read_mapping(text, f"presets/{name}.yaml")
    title, description = str(data.pop("title")), str(data.pop("description"))
    parent = data.pop("extends", None)
    if parent is not None:
        from wizard.answers.files import layered

        data = layered(load(str(parent)).answers, data)
    return Preset(name, title, description, data)


def to_fill(preset: Preset) -> dict[tuple[str | int, ...], str]:
    """What a preset leaves to answer, as comments by path for the file it is printed as.

    Each stands above the innermost key that the preset has on the way to it, and at the top (the
    empty path) where it has none.
    """
    from wizard.answers.files import examine
    from wizard.answers.questions import spec, specs
    from wizard.formats.nested import get

    required = {item.key for item in specs() if item.ask.required}
    found: dict[tuple[str | int, ...], str] = {}
    for problem in examine(preset.answers).problems:
        if problem.key not in required:
            continue
        path = spec(problem.key).path
        depth = next(
            (
                n
                for n in range(len(path) - 1, 0, -1)
                if isinstance(get(preset.answers, path[:n]), dict)
            ),
            0,
        )
        line = f"{problem.key}: {problem.message}"
        found[path[:depth]] = "\n".join(filter(None, [found.get(path[:depth], ""), line]))
    return found
