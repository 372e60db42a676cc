"""Finds conflicts with a write to a repository before anything is written.

`Preconditions.refused` are safety problems that nobody can override. The other conflicts need a
decision of the user: a conflicting file, an uncommitted edit, an ignored path.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.errors import RefusedError
from wizard.git import files
from wizard.git.changes import Conflict, FileChange
from wizard.git.objects import IndexEntry
from wizard.git.paths import find_overlaps, fold_path, parent_folders, path_problem

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree

_CONVERSION_ATTRIBUTES = ("filter", "working-tree-encoding", "ident")
_NO_LINKS = (
    "files are never written through links; put a real file or folder there, or change the path"
)


@dataclass(frozen=True)
class Preconditions:
    """All conflicts with a write, separated by whether the user can resolve them."""

    refused: list[Conflict]
    conflicts: list[Conflict]

    def require_safe(self) -> None:
        """Raise RefusedError with every refused path."""
        if self.refused:
            lines = [f"  {one}" for one in self.refused]
            hints = dict.fromkeys(one.hint for one in self.refused)
            raise RefusedError("\n".join(["nothing was written:", *lines]), "\n".join(hints))


def examine_changes(
    repo: WorkTree, changes: Sequence[FileChange], *, commit: bool = True
) -> Preconditions:
    """Check every changed path in HEAD, in the index and on disk.

    Without `commit`, only the files on disk count. Runs nothing that the repository configures.
    """
    todo = [change for change in changes if change.differs]
    paths = {repo.full_path(change.path): change for change in todo}
    refused = [
        Conflict(paths[full].path, problem, "change the answer that names this path")
        for full in paths
        if (problem := path_problem(full))
    ]
    refused += _overlap_conflicts(repo, changes)
    sound = [full for full in paths if not path_problem(full)]
    blocked = list(_find_blocked_paths(repo, sound, paths))
    refused += [one for safe, one in blocked if not safe]
    conflicts = [one for safe, one in blocked if safe]
    settled = {one.path for one in (*refused, *conflicts)}
    free = {full: paths[full] for full in sound if paths[full].path not in settled}
    if commit:
        refused += _find_converted_paths(repo, free)
        conflicts += _find_ignored_paths(repo, free)
        conflicts += _find_paths_outside_sparse(repo, free)
    conflicts += _find_edited_files(repo, free, commit=commit)
    # A link that is in HEAD and on disk is found twice, so duplicates are removed.
    return Preconditions(
        list(dict.fromkeys(refused)),
        list({one.path: one for one in reversed(conflicts)}.values())[::-1],
    )


def _overlap_conflicts(repo: WorkTree, changes: Sequence[FileChange]) -> Iterator[Conflict]:
    """Yield conflicts among the planned files; a deleted file frees its path."""
    kept = [repo.full_path(change.path) for change in changes if change.new is not None]
    for one, other in find_overlaps(kept):
        yield Conflict(
            other.removeprefix(repo.path_prefix),
            f"cannot exist together with {one}: some systems read both as one path",
            "change the answer that names one of the paths",
        )


def _find_blocked_paths(
    repo: WorkTree, full_paths: Sequence[str], changes: Mapping[str, FileChange]
) -> Iterator[tuple[bool, Conflict]]:
    """Yield what blocks each path in HEAD or on disk, and True if the user can resolve it."""
    folders = sorted({"", *(folder for path in full_paths for folder in parent_folders(path))})
    for scene in (_committed_kinds(repo, folders), _disk_kinds(repo.root, folders)):
        spellings = {fold_path(path): path for path in scene}
        for full in full_paths:
            found = _describe_obstacle(full, scene, spellings)
            if found:
                yield found[0], Conflict(changes[full].path, found[1], found[2])


def _describe_obstacle(
    path: str, kinds: Mapping[str, str], spellings: Mapping[str, str]
) -> tuple[bool, str, str] | None:
    for part in (*parent_folders(path), path):
        kind, last = kinds.get(part), part == path
        if kind is None:
            other = spellings.get(fold_path(part), part)
            if other == part:
                return None
            reason = f"differs only in spelling from {other}, which is in the repository"
            return True, reason, "use the existing spelling, or rename it"
        if kind == "link":
            return False, f"{part} is a symbolic link", _NO_LINKS
        if kind == "repository":
            reason = f"{part} is another Git repository or a submodule"
            return False, reason, "change the path, or run Airflow Wizard in that repository"
        if kind != ("file" if last else "folder"):
            wanted = "a file" if last else "a folder"
            reason = f"{part} conflicts with it: it is a {kind}, but must be {wanted}"
            return True, reason, "move it away, or change the path"
    return None


def _committed_kinds(repo: WorkTree, folders: Sequence[str]) -> dict[str, str]:
    """Return what HEAD has in these folders: path -> file, folder, link or repository."""
    commit = repo.head.commit
    if commit is None:
        return {}
    kinds = {b"40000": "folder", b"120000": "link", b"160000": "repository"}
    found: dict[str, str] = {}
    trees = repo.objects([f"{commit}:{folder}" for folder in folders])
    for folder, tree in zip(folders, trees, strict=True):
        if tree is None or tree[0] != "tree":
            continue
        for mode, name in _tree_entries(tree[1], repo.hash_bytes):
            found[f"{folder}/{name}" if folder else name] = kinds.get(mode, "file")
    return found


def _tree_entries(data: bytes, width: int) -> Iterator[tuple[bytes, str]]:
    """Yield a tree object's entries: `mode SP name NUL`, then the raw id of `width` bytes."""
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        yield data[at:space], data[space + 1 : end].decode("utf-8", "surrogateescape")
        at = end + 1 + width


def _disk_kinds(root: Path, folders: Sequence[str]) -> dict[str, str]:
    """Return what the disk has in these folders (parents first); links are not followed."""
    found: dict[str, str] = {"": "folder"}
    for folder in folders:
        if found.get(folder) != "folder":
            continue
        try:
            entries = list(os.scandir(root / folder))
        except OSError:
            continue
        for entry in entries:
            found[f"{folder}/{entry.name}" if folder else entry.name] = _kind(entry)
    del found[""]
    return found


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        nested = entry.name != ".git" and os.path.lexists(f"{entry.path}/.git")
        return "repository" if nested else "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "device or pipe"


def _find_converted_paths(repo: WorkTree, free: Mapping[str, FileChange]) -> Iterator[Conflict]:
    """Yield paths whose attributes make Git store different bytes than the plan shows."""
    paths = [full for full, change in free.items() if change.new is not None]
    fields = repo.query_paths(paths, "check-attr", "-z", "--stdin", *_CONVERSION_ATTRIBUTES)
    for full, name, value in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
        if value not in {"unspecified", "unset"}:
            yield Conflict(
                free[full].path,
                f"has the attribute {name}={value}, so Git would store different bytes than shown",
                f"exclude the path from that rule in .gitattributes (`{full} -{name}`)",
            )


def _find_ignored_paths(repo: WorkTree, free: Mapping[str, FileChange]) -> Iterator[Conflict]:
    rules = _read_ignore_rules(
        repo, [full for full, change in free.items() if change.kind == "add"]
    )
    folders = {f"{folder}/" for full in rules for folder in parent_folders(full)}
    excluded = _read_ignore_rules(repo, sorted(folders), "--no-index")
    for full, (source, line, pattern) in rules.items():
        above = [folder for folder in parent_folders(full) if f"{folder}/" in excluded]
        yield Conflict(
            free[full].path,
            f"is ignored by Git: {source}:{line}: {pattern}",
            _unignore_hint(full, above[0] if above else "", source),
        )


def _read_ignore_rules(
    repo: WorkTree, full_paths: Sequence[str], *options: str
) -> dict[str, tuple[str, str, str]]:
    """Return file, line and pattern of the rule that ignores each path, if it is ignored."""
    fields = repo.query_paths(full_paths, "check-ignore", "-z", "--stdin", "-v", *options)
    rows = zip(fields[::4], fields[1::4], fields[2::4], fields[3::4], strict=True)
    return {full: (source, line, rule) for source, line, rule, full in rows if rule[:1] != "!"}


def _unignore_hint(full: str, excluded: str, source: str) -> str:
    """Return how to stop ignoring a path; no rule can re-include files of an `excluded` folder."""
    inside = source.endswith(".gitignore") and not source.startswith(("/", "~"))
    below = source.removesuffix(".gitignore") if inside else ""
    file = source if inside else ".gitignore"
    rules = [f"!/{full.removeprefix(below)}"]
    if excluded:
        rules = [f"!/{excluded.removeprefix(below)}/"]
        deeper = [folder for folder in parent_folders(full) if folder.startswith(f"{excluded}/")]
        if deeper:
            rules += [f"/{excluded.removeprefix(below)}/*", f"!/{deeper[0].removeprefix(below)}/"]
    lines = "".join(f"\n  {rule}" for rule in rules)
    return f"remove that rule, or add these lines at the end of {file} and commit them:{lines}"


def _find_paths_outside_sparse(
    repo: WorkTree, free: Mapping[str, FileChange]
) -> Iterator[Conflict]:
    """Yield new paths outside a cone-mode sparse checkout (an index flag marks existing paths)."""
    folders = repo.sparse_folders()
    if folders is None:
        return
    above = {"", *folders, *(part for folder in folders for part in parent_folders(folder))}
    for full, change in free.items():
        parent = full.rpartition("/")[0]
        if parent not in above and not any(f"{parent}/".startswith(f"{one}/") for one in folders):
            yield _sparse_conflict(change, parent)


def _sparse_conflict(change: FileChange, folder: str) -> Conflict:
    return Conflict(
        change.path,
        "is outside the sparse checkout",
        f"add its folder first: `git sparse-checkout add {folder}`",
    )


def _find_edited_files(
    repo: WorkTree, free: Mapping[str, FileChange], *, commit: bool
) -> Iterator[Conflict]:
    """Yield files that differ from the plan's state: in HEAD, in the index or on disk."""
    head = repo.read_many([change.path for change in free.values()]) if commit else {}
    index = repo.index(list(free)) if commit else {}
    for full, change in free.items():
        staged = index.get(full, [])
        if commit and head[change.path] != change.old:
            yield Conflict(
                change.path, "was changed in the repository since the plan", "plan again"
            )
        elif any(entry.flag == "S" for entry in staged):
            yield _sparse_conflict(change, full.rpartition("/")[0])
        elif any(entry.flag.islower() for entry in staged):
            yield Conflict(
                change.path,
                "is marked in the index as unchanged (assume-unchanged)",
                f"`git update-index --no-assume-unchanged {full}`",
            )
        elif not _is_disk_as_planned(repo, full, change):
            yield _uncommitted_conflict(change, full, "edits on disk")
        elif commit and not _is_index_as_planned(repo, change, staged):
            yield _uncommitted_conflict(change, full, "staged edits")


def _uncommitted_conflict(change: FileChange, full: str, what: str) -> Conflict:
    if change.old is None:
        reason = "exists with different content and is not committed"
        return Conflict(change.path, reason, "move it away, or commit it and plan again")
    return Conflict(
        change.path,
        f"has uncommitted {what}",
        f"commit them, or set them aside with `git stash push -- {full}`",
    )


def _is_disk_as_planned(repo: WorkTree, full: str, change: FileChange) -> bool:
    found = files.read_file(repo.root, full)
    data = found[0] if found else None
    return data == change.new or _same_text(data, change.old)


def _same_text(data: bytes | None, expected: bytes | None) -> bool:
    """Return whether both are equal, apart from line endings changed by core.autocrlf."""
    if data is None or expected is None or b"\r" in expected:
        return data == expected
    return data == expected or data.replace(b"\r\n", b"\n") == expected


def _is_index_as_planned(repo: WorkTree, change: FileChange, staged: Iterable[IndexEntry]) -> bool:
    entries = list(staged)
    if not entries:
        return change.old is None or change.new is None
    known = {repo.blob_id(data) for data in (change.old, change.new) if data is not None}
    if change.old is None:
        known.add(repo.blob_id(b""))  # `git add --intent-to-add` of an earlier write
    return all(entry.stage == "0" and entry.blob in known for entry in entries)
