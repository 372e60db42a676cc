"""Reads committed files that others wrote: within limits, and never through a symbolic link."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.git.paths import path_problem

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree

MAX_FILE = 5_000_000
MAX_TOTAL = 200_000_000
IS_LINK = "it is a symbolic link"
IS_SUBMODULE = "it is a submodule, whose files are in another repository"
# Linux follows at most 40 links.
_MAX_LINKS = 40
# Modes of a symbolic link and a submodule in a tree of Git.
_LINK, _SUBMODULE = "120000", "160000"


@dataclass(frozen=True, slots=True)
class ForeignFiles:
    """The contents by path; for each file that was not read, why not, as the end of a sentence.

    `rivals` are those of them that deploy an installation of the wizard a second time;
    `unsearched` are files that may do so, but were not read, and why not.
    """

    data: dict[str, bytes] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    rivals: frozenset[str] = frozenset()
    unsearched: dict[str, str] = field(default_factory=dict)


def read_foreign_files(repository: WorkTree, paths: Iterable[str]) -> ForeignFiles:
    """Return the committed files at these paths; paths without a file are left out."""
    found = ForeignFiles()
    wanted = [path for path in dict.fromkeys(paths) if not path_problem(repository.full_path(path))]
    small = []
    total = 0
    for path, (mode, size) in repository.describe_entries(wanted).items():
        if mode == _LINK:
            found.skipped[path] = IS_LINK
        elif mode == _SUBMODULE:
            found.skipped[path] = IS_SUBMODULE
        elif size > MAX_FILE:
            found.skipped[path] = f"it is larger than {MAX_FILE // 1_000_000} MB"
        elif total + size > MAX_TOTAL:
            found.skipped[path] = (
                f"the files before it have {MAX_TOTAL // 1_000_000} MB, more than is read at once"
            )
        else:
            total += size
            small.append(path)
    read = repository.read_many(small)
    found.data.update({path: data for path, data in read.items() if data is not None})
    return found


def find_unsafe_links(links: Mapping[str, str]) -> dict[str, str]:
    """Return the links that leave the repository or never end, and which of both they do.

    `links` maps paths in the repository to what the symbolic links there point to.
    """
    found = {}
    for path in links:
        end, _ = _follow(path, links)
        if end:
            found[path] = end
    return found


def follow_link(path: str, links: Mapping[str, str]) -> str | None:
    """Return the path in the repository to which a link leads in the end; None if it leaves it."""
    end, target = _follow(path, links)
    return None if end else target


def _follow(path: str, links: Mapping[str, str]) -> tuple[str, str]:
    """Return why the link is not safe ("" if it is), and where it leads."""
    rest, here = path.split("/"), ""
    for _ in range(_MAX_LINKS):
        while rest:
            part = rest.pop(0)
            if part == ".." and not here:
                return "it leaves the repository", ""
            here = posixpath.normpath(posixpath.join(here, part)) if part else here
            here = "" if here == "." else here
            if here in links:
                break
        else:
            return "", here
        target = links[here]
        if target.startswith("/"):
            return "it leaves the repository", ""
        here, rest = posixpath.dirname(here), [*target.split("/"), *rest]
    return "it leads to itself", ""
