"""A rendering held against a repository: what changes, and what only a person can decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wizard import __version__
from wizard.base import STATE, Base, base_changes, base_files, base_folder, read_base
from wizard.errors import ConflictError
from wizard.plan import Change, Conflict, compare, replaced
from wizard.tree import Tree

if TYPE_CHECKING:
    from wizard.render import Rendering
    from wizard.repo import Repository


def compared(
    repository: Repository, rendering: Rendering
) -> tuple[list[Change], list[Conflict], Base]:
    """A rendering held against the repository: changes, conflicts, and the base it was held to.

    Raises ConflictError when a newer wizard wrote the installation.
    """
    name = rendering.release.installation
    own = [file for file in rendering.tree.values() if file.path.startswith(f"{STATE}/")]
    emitted = Tree(
        file for file in rendering.tree.values() if not file.path.startswith(f"{STATE}/")
    )
    stored = repository.read_under(base_folder(name))
    base = read_base(name, stored)
    if _newer(base.version):
        raise ConflictError(
            f"a newer Airflow Wizard ({base.version}) wrote this installation",
            "use that version, or a later one",
        )
    before = base.by_path()
    mine = repository.read_many({*emitted, *before, *(file.path for file in own)})
    changes, conflicts = compare(emitted, before, mine)
    changes += replaced(Tree(own), mine)
    changes += base_changes(name, base_files(rendering.tree, name, __version__), stored)
    from wizard.guarded import guarded_edits

    guarded = guarded_edits(changes, rendering)
    blocked = {conflict.path for conflict in guarded}
    return [one for one in changes if one.path not in blocked], [*conflicts, *guarded], base


def _newer(version: str) -> bool:
    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in text.split(".") if part.isdecimal())

    return bool(version) and numbers(version) > numbers(__version__)


def merged(changes: Sequence[Change]) -> dict[str, bytes]:
    """The files as they will be, without the merge base."""
    return {one.path: one.new for one in changes if one.new is not None and not one.is_base}
