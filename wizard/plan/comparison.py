"""A rendering held against a repository: what changes, and what only a person can decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from wizard import __version__
from wizard.errors import ConflictError, RefusedError
from wizard.git.changes import Conflict, FileChange
from wizard.manifests.tree import Tree
from wizard.plan.merge_base import (
    STATE_DIR,
    MergeBase,
    base_changes,
    base_files,
    base_folder,
    read_base,
)
from wizard.plan.plan import Plan, compare_owned_files, compare_tree

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.plan.render import Rendering


def compare_rendering(
    repository: WorkTree,
    rendering: Rendering,
    stored: Mapping[str, bytes] | None = None,
) -> tuple[list[FileChange], list[Conflict], MergeBase]:
    """A rendering held against the repository: changes, conflicts, and the base it was held to.

    `stored` are the committed files of the merge base where they have been read before.
    Raises ConflictError when a newer wizard wrote the installation.
    """
    name = rendering.release.installation
    own = [file for file in rendering.tree.values() if file.path.startswith(f"{STATE_DIR}/")]
    emitted = Tree(
        file for file in rendering.tree.values() if not file.path.startswith(f"{STATE_DIR}/")
    )
    if stored is None:
        stored = repository.read_under(base_folder(name))
    base = read_base(name, stored)
    if _is_newer(base.version):
        raise ConflictError(
            f"a newer Airflow Wizard ({base.version}) wrote this installation",
            "use that version, or a later one",
        )
    before = base.by_path()
    mine = repository.read_many({*emitted, *before, *(file.path for file in own)})
    changes, conflicts = compare_tree(emitted, before, mine)
    changes += compare_owned_files(Tree(own), mine)
    changes += base_changes(name, base_files(rendering.tree, name, __version__), stored)
    from wizard.plan.guarded_keys import find_guarded_edits

    # An edit of a guarded leaf is named even where the file is in conflict anyway.
    disputed = [
        FileChange(one.path, emitted[one.path].logical, "same", mine[one.path], mine[one.path])
        for one in conflicts
        if one.path in emitted and one.path in before and mine[one.path] is not None
    ]
    guarded = find_guarded_edits([*changes, *disputed], before, rendering)
    blocked = {conflict.path for conflict in guarded}
    return [one for one in changes if one.path not in blocked], [*conflicts, *guarded], base


def _is_newer(version: str) -> bool:
    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in text.split(".") if part.isdecimal())

    return bool(version) and numbers(version) > numbers(__version__)


def merge_files(
    changes: Sequence[FileChange], conflicts: Sequence[Conflict], rendering: Rendering
) -> dict[str, bytes]:
    """The files as they will be, without the merge base.

    A path in conflict is taken as rendered: whether what a person made of it is sound too is for
    `check` to say, and must not make other files look wrong.
    """
    files = {one.path: one.new for one in changes if one.new is not None and not one.is_base}
    tree = rendering.tree
    return files | {one.path: tree[one.path].data for one in conflicts if one.path in tree}


def find_uncommitted_edits(repository: WorkTree, changes: Sequence[FileChange]) -> Iterator[str]:
    """Warnings about edits on disk that are not committed: a plan is made from what is."""
    answers: list[str] = []
    others: list[str] = []
    for change in changes:
        if change.is_base or not _is_edited(repository, change):
            continue
        (answers if change.logical == "answers" else others).append(change.path)
    for path in answers:
        yield (
            f"{path} has edits that are not committed and do not count: commit them, or plan with "
            f"--answers {repository.top / path}"
        )
    if others:
        yield (
            "edits on disk that are not committed do not count, and a commit that changes these "
            f"files is refused while they stand: {', '.join(others)}"
        )


def _is_edited(repository: WorkTree, change: FileChange) -> bool:
    try:
        disk = repository.read_from_disk(change.path)
    except RefusedError:
        # A link in its place: writing says so, and planning goes on.
        return False
    if disk in (change.old, change.new):
        return False
    # core.autocrlf puts other line ends on disk.
    return disk is None or change.old is None or disk.replace(b"\r\n", b"\n") != change.old


def require_ready(plan: Plan) -> None:
    """Raise when anything stands against a commit: conflicts first, then checks and evidence."""
    plan.require_decided()
    if plan.missing_evidence:
        raise RefusedError(
            "evidence is missing:\n" + "\n".join(f"  {one}" for one in plan.missing_evidence)
        )
    errors = [finding for finding in plan.findings if finding.is_error]
    if errors:
        lines = "\n".join(f"  {finding}" for finding in errors)
        count = "a check" if len(errors) == 1 else f"{len(errors)} checks"
        raise RefusedError(f"{count} failed; nothing was written:\n{lines}")
