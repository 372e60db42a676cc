"""Decides which repository paths may be written, by text rules that are the same on every system.

Two kinds of paths are never written, whatever an answer says: paths that Git refuses or treats
specially (see `verify_path` and `is_ntfs_dotgit` in git's path.c and read-cache.c), and files that
configure a CI system or a hook.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

_NAME_MAX = 255
_SHORT_GIT = re.compile(r"gi[a-z0-9]{0,6}~[0-9]+")
_RUNS_CODE = re.compile(
    r"""
    jenkinsfile.* | \.circleci | \.?azure-pipelines.* | bitbucket-pipelines\.ya?ml
  | \.drone.* | \.woodpecker.* | \.?buildkite.* | \.travis\.ya?ml | \.?appveyor\.ya?ml
  | \.cirrus\.(ya?ml|star) | cloudbuild\.(ya?ml|json) | buildspec\.ya?ml | \.teamcity
  | \.semaphore | \.tekton | \.forgejo | \.harness | codefresh\.ya?ml | wercker\.ya?ml
  | \.screwdriver.* | screwdriver\.ya?ml | \.builds?(\.ya?ml)? | \.pre-commit-config\.ya?ml
  | \.husky | \.?lefthook.* | \.envrc
    """,
    re.VERBOSE,
)


def path_problem(path: str) -> str:
    """Return why this path may not be written; empty if it may.

    `path` is relative to the top of the work tree, with forward slashes.
    """
    if not path or path.startswith("/"):
        return "is not a path below the repository"
    for name in path.split("/"):
        problem = _name_problem(name)
        if problem:
            return problem
    return ""


def _name_problem(name: str) -> str:
    if name in {"", ".", ".."}:
        return "is not a plain path (an empty, `.` or `..` part)"
    if "\\" in name or ":" in name:
        return "has a backslash or colon, which means something else on other systems"
    if not name.isprintable():
        return "has control, bidirectional or invisible characters"
    if name != name.rstrip(". "):
        return "has a part that ends in a dot or space, which other systems drop"
    if len(name.encode("utf-8")) > _NAME_MAX:
        return f"has a part of more than {_NAME_MAX} bytes"
    folded = fold_path(name)
    if folded.startswith(".git") or _SHORT_GIT.fullmatch(folded):
        return "belongs to Git or its host (`.git*`), which Airflow Wizard never writes"
    if _RUNS_CODE.fullmatch(folded):
        return (
            "configures a CI system or hook; Airflow Wizard never writes files that run elsewhere"
        )
    return ""


def fold_path(path: str) -> str:
    """Return the path as a case-insensitive file system compares it (macOS, Windows)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def parent_folders(path: str) -> Iterator[str]:
    """Yield the folders above a path, topmost first; none for a file at the top."""
    parts = path.split("/")[:-1]
    for end in range(1, len(parts) + 1):
        yield "/".join(parts[:end])


def find_overlaps(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs that cannot both exist: two spellings of a name, or a file and a folder."""
    seen: dict[str, str] = {}
    found: list[tuple[str, str]] = []
    ordered = sorted(set(paths))
    for path in ordered:
        other = seen.setdefault(fold_path(path), path)
        if other != path:
            found.append((other, path))
    spellings: dict[str, str] = {}
    for path in ordered:
        for folder in parent_folders(path):
            if fold_path(folder) in seen:
                found.append((seen[fold_path(folder)], path))
            other = spellings.setdefault(fold_path(folder), folder)
            if other != folder:
                found.append((other, path))
    return list(dict.fromkeys(found))
