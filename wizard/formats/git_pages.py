"""Addresses of pages that a browser shows of a Git repository, and what they mean.

Source: the URLs of GitHub, GitLab, Gitea, Bitbucket (Cloud and Data Center) and Azure DevOps.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs

# What follows the repository where a page shows a branch, a folder or a file.
_PAGE = re.compile(
    r"(?P<repository>[^/]+/[^/]+(?:/[^/]+)*?)"
    r"(?:(?:/-)?/(?P<view>tree|blob|raw|edit|blame|commits?)/|/-/|/src/(?:branch|tag|commit)/"
    r"|/src/(?=[^/]+/))(?P<rest>.*)"
)
_DATA_CENTER = re.compile(
    r"(?P<top>(?:[^/]+/)*?)(?P<kind>projects|users)/(?P<owner>[^/]+)/repos/(?P<name>[^/]+)"
    r"(?:/browse/?(?P<folder>.*))?"
)
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
    if found := _DATA_CENTER.fullmatch(path):
        owner = f"~{found['owner']}" if found["kind"] == "users" else found["owner"]
        clone = f"{found['top']}scm/{owner}/{found['name']}.git"
        ref = query.get("at", "").removeprefix("refs/heads/").removeprefix("refs/tags/")
        return _page(clone, ref, found["folder"] or "")
    if found := _PAGE.fullmatch(path):
        ref, _, folder = found["rest"].partition("/")
        if found["view"] in _FILES:
            folder = posixpath.dirname(folder)
        return _page(f"{found['repository']}.git", ref, folder)
    segments = path.split("/")
    if (parts.hostname or "").lower() in _TWO_PARTS and len(segments) > 2:
        return _page(f"{'/'.join(segments[:2])}.git")
    return None


def _page(path: str, ref: str = "", folder: str = "") -> GitPage:
    ref, folder = (
        one if _PLAIN.fullmatch(one) and ".." not in one else ""
        for one in (ref.strip("/"), folder.strip("/"))
    )
    return GitPage(path, ref, folder)
