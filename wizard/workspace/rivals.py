"""Finds committed files of others, anywhere in the repository, that deploy an installation too.

They are read once for each commit, so that a command for many installations does not read them
again for each.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from wizard.deliveries.record import Place
from wizard.deliveries.registry import delivery_kind
from wizard.git.foreign_files import ForeignFiles, read_foreign_files
from wizard.manifests.objects import APPLICATIONS, MANIFESTS
from wizard.plan.merge_base import STATE_DIR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wizard.deliveries.record import FindRivals, RivalSearch
    from wizard.git.repository import WorkTree
    from wizard.plan.render import Rendering


def find_rivals(repository: WorkTree, rendering: Rendering) -> ForeignFiles:
    """Return the rivals of an installation by path, and the files that could not be searched.

    Paths are relative to the folder of the installations, so some begin with `../`.
    """
    kind = delivery_kind(rendering.release.delivery).rivals()
    if kind is None:
        return ForeignFiles()
    search = _search(_Commit(kind, repository.head.commit, repository))
    whole = repository.path_prefix
    own = {f"{whole}{path}" for path in rendering.tree}
    found = search.find(
        Place(
            f"{whole}{rendering.release.paths.values}",
            rendering.release.namespace,
            _list_paths(rendering, MANIFESTS, whole),
            _list_paths(rendering, APPLICATIONS, whole),
        ),
        (one.data for one in rendering.tree.values() if one.logical.startswith(APPLICATIONS)),
    )
    data = {_relative(path, whole): search.files[path] for path in found - own}
    skipped = {_relative(path, whole): why for path, why in search.skipped.items()}
    return ForeignFiles(data, skipped, frozenset(data))


@dataclass(frozen=True, slots=True)
class _Commit:
    """One commit of a repository, and what is searched in it."""

    kind: RivalSearch
    commit: str | None
    repository: WorkTree = field(compare=False)
    root: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", str(self.repository.root))


@dataclass(frozen=True, slots=True)
class _Search:
    find: FindRivals
    files: Mapping[str, bytes]
    skipped: Mapping[str, str]


@lru_cache(maxsize=1)
def _search(at: _Commit) -> _Search:
    """Return the indexed files of a commit that may be rivals."""
    everything = at.repository.with_prefix("")
    named = everything.find_text(*at.kind.marks)
    paths = [path for path in named if STATE_DIR not in path.split("/")]
    read = read_foreign_files(everything, paths)
    return _Search(at.kind.index(read.data), read.data, read.skipped)


def _list_paths(rendering: Rendering, logical: str, whole: str) -> frozenset[str]:
    files = rendering.tree.values()
    return frozenset(f"{whole}{file.path}" for file in files if file.logical.startswith(logical))


def _relative(path: str, whole: str) -> str:
    """Return a path of the repository relative to the folder of the installations."""
    if path.startswith(whole):
        return path.removeprefix(whole)
    return posixpath.relpath(path, whole)
