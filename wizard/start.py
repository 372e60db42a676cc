"""From arguments to raw answers: which installation, and from which layers."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import AnswersError, UsageError

if TYPE_CHECKING:
    from wizard.workflow import Workspace


@dataclass(frozen=True, slots=True)
class Start:
    """Where a command starts: raw answers, and the committed installation they belong to.

    `existing` is empty for a new installation; `folder` is what file names in the answers are
    relative to (None: beside the committed answers).
    """

    workspace: Workspace
    data: Mapping[str, Any]
    existing: str = ""
    folder: Path | None = None
    typed: tuple[str, ...] = ()
    given: bool = True
    more: Sequence[str] = field(default=())


def open_workspace(arguments: Namespace, *, create: bool = False) -> Workspace:
    """The config repository of --repo; with `create` an empty folder may become one."""
    from wizard.workflow import Workspace

    folder = Path(getattr(arguments, "repo", "."))
    return Workspace.open(folder, branch=getattr(arguments, "branch", ""), create=create)


def chosen(workspace: Workspace, name: str) -> str:
    """The installation a command is about; empty when the repository has none yet.

    Raises UsageError for a name that is not there, or when there are several and none is named.
    """
    found = workspace.installations()
    if name and found and name not in found:
        raise UsageError(
            f"there is no installation {name!r} in this repository",
            f"there are: {', '.join(found)}; for a new one leave --installation out and give "
            f"--set installation.name={name}",
        )
    if name:
        return name if found else ""
    if len(found) > 1:
        raise UsageError(
            f"this repository holds {len(found)} installations", f"name one: {', '.join(found)}"
        )
    return found[0] if found else ""


def begin(arguments: Namespace, workspace: Workspace, assignments: Sequence[str] = ()) -> Start:
    """The raw answers of this run.

    New: --set over answers file over preset over defaults. Existing: the committed answers, or
    --answers in their place; a preset is refused.
    """
    from wizard.answers import assigned, layered

    preset = getattr(arguments, "preset", None)
    file = getattr(arguments, "answers", None)
    sets = [*(getattr(arguments, "set", None) or []), *assignments]
    existing = _existing(arguments, workspace, file, preset, sets)
    layers: list[Mapping[str, Any]] = []
    folder: Path | None = None
    if existing and preset:
        raise UsageError("--preset is for a new installation", f"{existing} has answers already")
    if preset:
        from wizard import presets

        layers.append(presets.load(preset).answers)
    if file:
        text, folder = _read_answers(file)
        from wizard.answers import load_text

        layers.append(load_text(text, file))
    elif existing:
        layers.append(workspace.committed(existing) or {})
    data = assigned(layered(*layers), sets)
    typed = tuple(getattr(arguments, "host_key_fingerprint", None) or ())
    given = bool(preset or file or sets or existing)
    if folder is None and not existing:
        folder = Path.cwd()
    return Start(workspace, data, existing, folder, typed, given)


def _existing(
    arguments: Namespace,
    workspace: Workspace,
    file: str | None,
    preset: str | None,
    sets: Sequence[str],
) -> str:
    named = getattr(arguments, "installation", "") or ""
    found = workspace.installations()
    if named or not found:
        return chosen(workspace, named)
    # Answers name their installation; another name than those that exist begins a new one.
    name = _named(file, preset, sets)
    if name is None:
        return chosen(workspace, "")
    return name if name in found else ""


def _named(file: str | None, preset: str | None, sets: Sequence[str]) -> str | None:
    for assignment in reversed(sets):
        key, _, value = assignment.partition("=")
        if key == "installation.name":
            return value
    if file and file != "-":
        from wizard.answers import load_text
        from wizard.fields import get

        name = get(load_text(_read_answers(file)[0], file), ("installation", "name"), "airflow")
        return name if isinstance(name, str) else None
    return "airflow" if preset else None


def _read_answers(file: str) -> tuple[str, Path]:
    if file == "-":
        return sys.stdin.read(), Path.cwd()
    path = Path(file)
    try:
        return path.read_text(encoding="utf-8"), path.resolve().parent
    except OSError as error:
        raise AnswersError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AnswersError(f"{file}: is not UTF-8 text") from None
