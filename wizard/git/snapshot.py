"""Compares a work tree with the state before a write, and a commit with its plan.

Hooks may change anything: files, index, HEAD, branches. Only what was compared is reported as
unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.errors import RefusedError
from wizard.git import files
from wizard.git.trailer import parse_trailer

if TYPE_CHECKING:
    from wizard.git.changes import FileChange
    from wizard.git.repository import WorkTree

_IRREGULAR = "a link, a folder or a device"
_SHOWN = 20
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state: bytes and mode of files by full path, index entries, HEAD and local branches.

    A file is None if it does not exist, and a text if it is not a regular file. `touched` are the
    full paths of other files that differ from the index, `untracked` those that are not in it.
    Without `has_refs`, only the files were read.
    """

    files: Mapping[str, tuple[bytes, int] | str | None]
    has_refs: bool = False
    index: Mapping[str, str] | None = None
    head: str = ""
    branches: Mapping[str, str] | None = None
    touched: frozenset[str] = frozenset()
    untracked: frozenset[str] = frozenset()


def take_snapshot(repo: WorkTree, full_paths: Iterable[str], *, refs: bool) -> Snapshot:
    """Return the state of these files and, with `refs`, of the index, HEAD and all branches.

    HEAD is the one that the repository knows since its last `refresh`.
    """
    found = {path: _read_state(repo, path) for path in full_paths}
    if not refs:
        return Snapshot(found)
    index, untracked = _read_index(repo)
    branches, touched = _read_branches(repo), _read_touched(repo)
    return Snapshot(found, True, index, _name_head(repo), branches, touched, untracked)


def _read_state(repo: WorkTree, path: str) -> tuple[bytes, int] | str | None:
    try:
        return files.read_file(repo.root, path)
    except (RefusedError, OSError):
        return _IRREGULAR


def _read_index(repo: WorkTree) -> tuple[dict[str, str], frozenset[str]]:
    """Return the entries of the index, and untracked files and folders that are not ignored."""
    listed = repo.git.read(
        "ls-files", "-v", "-s", "-z", "--cached", "--others", "--directory", "--exclude-standard",
        "--full-name", ":/",
    ).out  # fmt: skip
    found: dict[str, str] = {}
    others = []
    for line in listed.split(b"\0")[:-1]:
        if line.startswith(b"? "):
            others.append(line[2:].decode("utf-8", "surrogateescape"))
            continue
        facts, _, name = line.partition(b"\t")
        path = name.decode("utf-8", "surrogateescape")
        found[path] = f"{found.get(path, '')} {facts.decode()}"
    return found, frozenset(others)


def _read_touched(repo: WorkTree) -> frozenset[str]:
    """Return the tracked files whose size or time differs from the index; reads no contents."""
    listed = repo.git.read("diff-files", "--name-only", "-z", "--ignore-submodules=all").out
    return frozenset(listed.decode("utf-8", "surrogateescape").split("\0")[:-1])


def _name_head(repo: WorkTree) -> str:
    """Return the branch that HEAD is on, as a full ref name, or its commit if it is detached."""
    return f"{_HEADS}{repo.head.branch}" if repo.head.branch else repo.head.commit or ""


def _read_branches(repo: WorkTree) -> dict[str, str]:
    listed = repo.git.read("for-each-ref", "--format=%(refname) %(objectname)", _HEADS).text
    return dict(line.rsplit(" ", 1) for line in listed.splitlines())


def find_differences(repo: WorkTree, before: Snapshot) -> list[str]:
    """Return one sentence for each difference from `before`; empty if there is none."""
    found = list(find_file_differences(repo, before, before.files))
    if before.has_refs:
        repo.refresh()
        index, untracked = _read_index(repo)
        found += _compare_index(before.index or {}, index)
        found += _compare_head(before.head, _name_head(repo))
        found += _compare_branches(before.branches or {}, _read_branches(repo))
        found += _find_touched_files(repo, before)
        new = untracked - before.untracked - set(before.files)
        found += [f"{path}: exists now, but did not before" for path in sorted(new)]
    if len(found) > _SHOWN:
        found[_SHOWN:] = [f"and {len(found) - _SHOWN} more; see `git status`"]
    return found


def find_file_differences(
    repo: WorkTree, before: Snapshot, full_paths: Iterable[str]
) -> Iterator[str]:
    """Yield a sentence for each of these files that differs from `before`."""
    for path in full_paths:
        old, now = before.files[path], _read_state(repo, path)
        shown = path.removeprefix(repo.path_prefix)
        if now == old:
            continue
        if isinstance(now, str):
            yield f"{shown}: is {now} now"
        elif now is None:
            yield f"{shown}: is missing now"
        elif not isinstance(old, tuple):
            yield f"{shown}: exists now, but did not before"
        elif now[0] != old[0]:
            yield f"{shown}: has other content than before"
        else:
            yield f"{shown}: has mode {now[1]:o}, and had {old[1]:o} before"


def _find_touched_files(repo: WorkTree, before: Snapshot) -> Iterator[str]:
    """Yield a sentence for each tracked file outside the plan that was changed."""
    for path in sorted(_read_touched(repo) - before.touched - set(before.files)):
        now = _read_state(repo, path)
        entry = (before.index or {}).get(path, "")
        if not isinstance(now, tuple) or repo.blob_id(now[0]) not in entry:
            yield f"{path}: was changed, although it is not in the plan"


def _compare_index(old: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for path in sorted({*old, *now}):
        if old.get(path) != now.get(path):
            what = "is no longer in" if path not in now else "is now in"
            what = what if path not in old or path not in now else "is different in"
            yield f"{path}: {what} the index (staging area)"


def _compare_head(old: str, now: str) -> Iterator[str]:
    if old != now:
        yield (
            f"HEAD: is at {_short(now)} now, and was at {_short(old)} before "
            f"(`{_back_command(old)}`)"
        )


def _back_command(old: str) -> str:
    if old.startswith(_HEADS):
        return f"git symbolic-ref HEAD {old}"
    return f"git update-ref --no-deref HEAD {old}"


def _compare_branches(old: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*old, *now}):
        if old.get(name) != now.get(name):
            states = [one[name][:12] if name in one else "missing" for one in (now, old)]
            yield f"branch {_short(name)}: is {states[0]} now, and was {states[1]} before"


def _short(name: str) -> str:
    return name.removeprefix(_HEADS) or "no commit"


def find_side_effects(
    repo: WorkTree, todo: Sequence[FileChange], before: Snapshot, branch: str | None
) -> list[str]:
    """Return sentences on other files of the plan and on HEAD, if hooks of a commit changed them.

    HEAD is the one that the repository knows since its last `refresh`.

    `branch` is the work branch of the commit; None for the branch that HEAD was on.
    """
    written = {repo.full_path(change.path) for change in todo}
    found = list(find_file_differences(repo, before, sorted(set(before.files) - written)))
    return [
        *found,
        *_compare_head(_HEADS + branch if branch else before.head, _name_head(repo)),
    ]


def find_unplanned_changes(
    repo: WorkTree, todo: Sequence[FileChange], message: str, before: str | None
) -> list[str]:
    """Return sentences about unplanned changes in HEAD or on disk; `before` is the earlier HEAD."""
    found = []
    stored = repo.read_many(change.path for change in todo)
    for change in todo:
        if stored[change.path] != change.new:
            found.append(f"{change.path}: was committed with different content than planned")
        elif not _is_on_disk(repo, change):
            found.append(f"{change.path}: was changed on disk after the commit")
    planned = {repo.full_path(change.path) for change in todo}
    found += [
        f"{path}: was committed although it is not in the plan"
        for path in _changed_paths(repo, before)
        if path not in planned
    ]
    head = repo.objects([repo.head.commit or ""])[0]
    text = head[1].partition(b"\n\n")[2].decode("utf-8", "replace") if head else ""
    if parse_trailer(text) != parse_trailer(message):
        found.append("the commit message: its Airflow-Wizard-Plan trailer was changed")
    return found


def _is_on_disk(repo: WorkTree, change: FileChange) -> bool:
    try:
        return repo.read_from_disk(change.path) == change.new
    except (RefusedError, OSError):
        return False


def _changed_paths(repo: WorkTree, before: str | None) -> list[str]:
    after = repo.head.commit or ""
    if before is None:
        out = repo.git.read("ls-tree", "-r", "-z", "--name-only", "--full-tree", after).out
    else:
        out = repo.git.read("diff-tree", "-r", "-z", "--name-only", before, after).out
    return out.decode("utf-8", "surrogateescape").split("\0")[:-1]
