"""Compares a rendering with the repository: the changes, and conflicts for a person to resolve."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wizard import __version__
from wizard.errors import ConflictError, Fix, RefusedError
from wizard.git.changes import Conflict, FileChange
from wizard.manifests.tree import File, Tree
from wizard.plan.encrypted_files import compare_encrypted_files
from wizard.plan.lost_base import explain_foreign_base, explain_lost_base
from wizard.plan.merge.sides import UNDECIDED, Decisions
from wizard.plan.merge_base import (
    STATE_DIR,
    MergeBase,
    base_changes,
    base_files,
    base_folder,
    base_path,
    index_path,
    read_base,
)
from wizard.plan.plan import Plan, compare_owned_files
from wizard.plan.tree_comparison import compare_tree

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.plan.render import Rendering


def compare_rendering(
    repository: WorkTree,
    rendering: Rendering,
    stored: Mapping[str, bytes] | None,
    owned: Callable[[frozenset[str]], frozenset[str]],
    decisions: Decisions = UNDECIDED,
) -> tuple[list[FileChange], list[Conflict], MergeBase]:
    """Return the changes and conflicts of a rendering, and the merge base used for the comparison.

    `stored` are the committed files of the merge base, if the caller has already read them.
    `owned` returns those of some paths that the committed answers lead to. The merge base is
    believed for these paths only: it is a file that anyone can edit. `decisions` are the sides
    that count where a hand edit and the answers differ.
    Raises ConflictError when a newer wizard wrote the installation.
    """
    name = rendering.release.installation
    own = [file for file in rendering.tree.values() if file.path.startswith(f"{STATE_DIR}/")]
    emitted = Tree(
        file
        for file in rendering.tree.values()
        if not file.path.startswith(f"{STATE_DIR}/") and not file.beside
    )
    if stored is None:
        stored = repository.read_under(base_folder(name))
    base = read_base(name, stored)
    if _is_newer(base.version):
        raise ConflictError(
            f"a newer Airflow Wizard ({base.version}) wrote this installation",
            "use that version or a later one",
        )
    listed = base.by_path()
    mine = repository.read_many({*emitted, *listed, *(file.path for file in own)})
    ours = owned(frozenset(path for path in listed if mine[path] is not None))
    before = {path: data for path, data in listed.items() if path in ours or mine[path] is None}
    copies = {path: base_path(name, logical) for logical, (path, _) in base.files.items()}
    moves = _find_moves(emitted, base, before, mine)
    changes, found = compare_tree(emitted, before, mine, copies, moves, decisions)
    if not base.files and any(mine[file.path] is not None for file in own):
        found = explain_lost_base(repository, name, found)
    conflicts = [*_name_renamed(repository, before, found)]
    foreign = set(listed) - set(before) - set(emitted)
    if foreign and foreign == set(listed):
        conflicts.append(explain_foreign_base(repository, name))
    else:
        conflicts += _find_foreign_paths(name, foreign)
    changes += compare_owned_files(Tree(own), mine)
    changes += base_changes(name, base_files(rendering.tree, name, __version__), stored)
    # Report an edit of a guarded value even if its file is already in conflict.
    edited = {one.path: moves.get(one.path, one.path) for one in conflicts if one.path in emitted}
    disputed = [
        FileChange(path, emitted[path].logical, "same", mine[place], mine[place])
        for path, place in edited.items()
        if place in before and mine[place] is not None
    ]
    written = {change.path: before[edited[change.path]] for change in disputed}
    guarded = _find_guarded([*changes, *disputed], written, rendering, repository)
    blocked = {conflict.path for conflict in guarded}
    changes = [one for one in changes if one.path not in blocked]
    for file in (one for one in rendering.tree.values() if one.beside):
        verdict = compare_file_of_others(file, base, repository.read)
        if isinstance(verdict, Conflict):
            conflicts.append(verdict)
        else:
            changes += verdict
    former = base.files.get("values", ("", b""))[0]
    changes += compare_encrypted_files(repository, rendering, former if former in before else "")
    return changes, _join_conflicts(conflicts, guarded), base


def compare_file_of_others(
    file: File, base: MergeBase, read: Callable[[str], bytes | None]
) -> list[FileChange] | Conflict:
    """Return the changes of a file that others change after the wizard has written it once.

    It is never written again: if it is missing although the last rendering named it, that is a
    conflict. It moves with the file that names it, with the content that it has.
    """
    mine = read(file.path)
    if mine is not None:
        note = "" if mine == file.data else "kept: others change this file"
        return [FileChange(file.path, file.logical, "same", mine, mine, note=note)]
    folder, name = posixpath.split(file.path)
    path, data = base.files.get(file.beside, ("", b""))
    if name.encode() not in data:
        return [FileChange(file.path, file.logical, "add", None, file.data)]
    before = posixpath.join(posixpath.dirname(path), name)
    earlier = read(before) if before != posixpath.join(folder, name) else None
    if earlier is None:
        return Conflict(
            file.path,
            f"is missing, although {path} names it; others change it, so it is not written again",
            f"restore the last version (`git log -- {file.path}`), commit that, and plan again",
        )
    return [
        FileChange(file.path, file.logical, "add", None, earlier, note=f"moved from {before}"),
        FileChange(before, file.logical, "delete", earlier, None),
    ]


def _find_moves(
    emitted: Tree,
    base: MergeBase,
    before: Mapping[str, bytes],
    mine: Mapping[str, bytes | None],
) -> dict[str, str]:
    """Return the former path of each edited file that the answers now lead to another path."""
    found = {}
    for file in emitted.values():
        former = base.files.get(file.logical, ("", b""))[0]
        if former in (file.path, "") or former in emitted or former not in before:
            continue
        if mine[file.path] is None and mine[former] not in (None, before[former]):
            found[file.path] = former
    return found


def _name_renamed(
    repository: WorkTree, before: Mapping[str, bytes], conflicts: Sequence[Conflict]
) -> Iterator[Conflict]:
    """Yield the conflicts; one about a missing file names the place that it was moved to."""
    places: dict[str, str] | None = None
    for one in conflicts:
        if one.key or one.choices != ("new",):
            yield one
            continue
        if places is None:
            places = {blob: path for path, blob in repository.head_tree().items()}
        where = places.get(repository.blob_id(before[one.path]), "")
        if not where or where.startswith(f"{STATE_DIR}/"):
            yield one
            continue
        hint = f"move it back (`git mv {where} {one.path}`), commit that, and plan again"
        yield replace(
            one,
            reason=f"was moved to {where} by hand, but the answers lead to this path",
            hint=f"{hint}; or write it again with `--on-conflict new`",
        )


def _join_conflicts(conflicts: Sequence[Conflict], guarded: Sequence[Conflict]) -> list[Conflict]:
    """Return all conflicts; one about a guarded value can only be decided for the answers."""
    reasons = {(one.path, one.key): one.reason for one in guarded if one.key}
    places = {(one.path, one.key) for one in conflicts if one.choices or one.key}
    joined = [
        replace(
            one,
            reason=reasons[one.path, one.key],
            hint="take what the answers give with `--on-conflict new`",
            choices=("new",),
        )
        if one.choices and (one.path, one.key) in reasons
        else one
        for one in conflicts
    ]
    return [*joined, *(one for one in guarded if (one.path, one.key) not in places)]


def _find_guarded(
    changes: Sequence[FileChange],
    written: Mapping[str, bytes],
    rendering: Rendering,
    repository: WorkTree,
) -> list[Conflict]:
    """Return the conflicts of guarded content; without a hand edit, no manifest is parsed.

    `written` is the last rendering of the files that could not be merged.
    """
    tree = rendering.tree
    if all(one.path not in tree or one.new in (None, tree[one.path].data) for one in changes):
        return []
    from wizard.plan.guarded_keys import find_guarded_edits

    return find_guarded_edits(changes, written, rendering, repository.read)


def _find_foreign_paths(name: str, paths: set[str]) -> Iterator[Conflict]:
    """Yield conflicts for files that the merge base lists, although no answer leads to them."""
    index = index_path(name)
    for path in sorted(paths):
        yield Conflict(
            path,
            f"is listed in {index}, but the answers of {name} do not lead to it",
            f"remove the line of this file from {index}, commit that, and plan again; if the file "
            f"is an obsolete one of {name}, delete it instead: `git rm {path}`",
        )


def _is_newer(version: str) -> bool:
    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in text.split(".") if part.isdecimal())

    return bool(version) and numbers(version) > numbers(__version__)


def merge_files(
    changes: Sequence[FileChange], conflicts: Sequence[Conflict], rendering: Rendering
) -> dict[str, bytes]:
    """Return the files after the change, by path, without the merge base.

    A file in conflict is returned as rendered, so that its edits cause no findings in other files.
    `check` examines the edited version.
    """
    files = {one.path: one.new for one in changes if one.new is not None and not one.is_base}
    tree = rendering.tree
    return files | {one.path: tree[one.path].data for one in conflicts if one.path in tree}


def find_uncommitted_edits(repository: WorkTree, changes: Sequence[FileChange]) -> Iterator[str]:
    """Yield warnings about uncommitted edits; a plan uses the committed files only."""
    answers: list[str] = []
    others: list[str] = []
    for change in changes:
        if change.is_base or not _is_edited(repository, change):
            continue
        (answers if change.logical == "answers" else others).append(change.path)
    for path in answers:
        yield (
            f"{path} has uncommitted edits, which are ignored: commit them, or plan with "
            f"--answers {repository.top / path}"
        )
    if others:
        yield (
            "uncommitted edits are ignored, and a commit that changes these files is refused until "
            f"you commit or undo them: {', '.join(others)}"
        )


def _is_edited(repository: WorkTree, change: FileChange) -> bool:
    try:
        disk = repository.read_from_disk(change.path)
    except RefusedError:
        # The path has a symbolic link: planning continues, and writing reports the link.
        return False
    if disk in (change.old, change.new):
        return False
    # Git may have changed the line endings on disk (core.autocrlf), which is not an edit.
    return disk is None or change.old is None or disk.replace(b"\r\n", b"\n") != change.old


def require_ready(plan: Plan, accepted: Sequence[str] = (), backup: str = "") -> None:
    """Raise if the plan may not be committed.

    That is the case with conflicts, missing evidence, failed checks, consequences that need a yes
    and are not in `accepted`, and a migration without `backup`, the evidence of one.
    """
    require_sound(plan)
    if plan.consequences:
        from wizard.plan.consequences import require_accepted

        require_accepted(plan.consequences, accepted, backup)


def require_sound(plan: Plan) -> None:
    """Raise if no yes could allow this plan: conflicts, missing evidence or failed checks."""
    plan.require_decided()
    if plan.missing_evidence:
        raise RefusedError(
            "evidence is missing:\n" + "\n".join(f"  {one}" for one in plan.missing_evidence)
        )
    errors = [finding for finding in plan.findings if finding.is_error]
    if errors:
        lines = "\n".join(f"  {finding}" for finding in errors)
        count = "a check" if len(errors) == 1 else f"{len(errors)} checks"
        fixes = "\n".join(dict.fromkeys(finding.fix.text for finding in errors))
        question = Fix.join(finding.fix for finding in errors).question
        raise RefusedError(f"{count} failed; nothing was written:\n{lines}", Fix(fixes, question))
