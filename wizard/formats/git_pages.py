"""Addresses of pages that a browser shows of a Git repository, and what they mean.

Source: the URLs of GitHub, GitLab, Gitea, Bitbucket (Cloud and Data Center) and Azure DevOps.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs

# What pages of a branch, a folder or a file have after the repository.
_VIEWS = frozenset(("blame", "blob", "commit", "commits", "edit", "raw", "tree"))
# Hosts whose repositories have an owner and a name, and nothing more.
_TWO_PARTS = frozenset(("bitbucket.org", "codeberg.org", "github.com"))
# Pages of one file.
_FILES = frozenset(("blob", "raw", "edit", "blame"))
_PLAIN = re.compile(r"[A-Za-z0-9._/~+%-]{1,200}")


@dataclass(frozen=True, slots=True)
class GitPage:
    """The repository of a page: its path in the clone URL, and branch and folder if it has any."""

    path: str
    ref: str = ""
    folder: str = ""


def read_git_page(parts: SplitResult) -> GitPage | None:
    """Return what the URL of a page means; None for a clone URL.

    A branch counts up to the next slash. Parts with other characters than those of plain names are
    left out.
    """
    path = parts.path.strip("/")
    if path.endswith(".git"):
        return None
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    if parts.query and "_git/" in path:
        # version: GBmain is branch main, GTv1 the tag v1, GC a commit.
        return _page(path, query.get("version", "")[2:], query.get("path", ""))
    segments = parts.path.lstrip("/").split("/")
    host = (parts.hostname or "").lower()
    return (
        _read_data_center(segments, query.get("at", ""))
        or _read_view(segments)
        or (_page(f"{'/'.join(segments[:2])}.git") if _has_more(host, path) else None)
    )


def _read_data_center(segments: list[str], ref: str) -> GitPage | None:
    """Read .../projects/KEY/repos/NAME/browse/FOLDER of Bitbucket Data Center."""
    for number in range(len(segments) - 3):
        kind, owner, word, name = segments[number : number + 4]
        if kind in ("projects", "users") and word == "repos":
            owner = f"~{owner}" if kind == "users" else owner
            clone = "/".join([*segments[:number], "scm", owner, f"{name}.git"])
            ref = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
            more = segments[number + 4 :]
            return _page(clone, ref, "/".join(more[1:]) if more[:1] == ["browse"] else "")
    return None


def _read_view(segments: list[str]) -> GitPage | None:
    """Read OWNER/NAME/tree/REF/FOLDER, with /-/ before it (GitLab) or /src/branch/ (Gitea)."""
    for number, word in enumerate(segments[2:], 2):
        clone, rest = f"{'/'.join(segments[:number])}.git", segments[number + 1 :]
        if word == "-":
            return _view(clone, rest[0], rest[1:]) if rest else _page(clone)
        if word == "src" and rest[:1] and rest[0] in ("branch", "tag", "commit"):
            return _view(clone, "tree", rest[1:])
        if word == "src" and len(rest) > 1:
            return _view(clone, "tree", rest)
        if word in _VIEWS and rest:
            return _view(clone, word, rest)
    return None


def _view(clone: str, view: str, rest: list[str]) -> GitPage:
    if view not in _VIEWS or not rest:
        return _page(clone)
    folder = "/".join(rest[1:])
    return _page(clone, rest[0], posixpath.dirname(folder) if view in _FILES else folder)


def _has_more(host: str, path: str) -> bool:
    return host in _TWO_PARTS and path.count("/") > 1


def _page(path: str, ref: str = "", folder: str = "") -> GitPage:
    ref, folder = (
        one if _PLAIN.fullmatch(one) and ".." not in one else ""
        for one in (ref.strip("/"), folder.strip("/"))
    )
    return GitPage(path, ref, folder)
