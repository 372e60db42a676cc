"""Reads the committed files of others that take effect together with the wizard's files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from wizard.checks.special_files import find_manifests, find_neighbours, find_special_files
from wizard.git.foreign_files import ForeignFiles, read_foreign_files
from wizard.workspace.rivals import find_rivals

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.plan.render import Rendering

# More files of one level, or more levels, are not read.
_MAX_FILES = 1000
_MAX_ROUNDS = 20
_TOO_MANY = f"the files of its level are more than {_MAX_FILES}"
_TOO_DEEP = f"kustomizations name each other more than {_MAX_ROUNDS} levels deep"


def read_surroundings(
    repository: WorkTree,
    rendering: Rendering,
    files: Mapping[str, bytes],
    deleted: Collection[str] = (),
) -> ForeignFiles:
    """Return `files` with the committed files that take effect together with them, by path.

    These are the files that a kustomization or an Application among them names, files in the
    manifests' folder that kustomize or Argo CD reads by their names, and manifests beside ours or
    beside the Applications. `deleted` are paths that the change deletes: they are not read.
    """
    from wizard.checks.surroundings import find_named_files

    release = rendering.release
    prefix = "" if release.prefix in {"", "."} else release.prefix.strip("/")
    listed = list_special_files(repository, rendering)
    special = read_foreign_files(repository, [path for path in listed if path not in deleted])
    rivals = find_rivals(repository, rendering)
    asked = set(deleted)
    found = ForeignFiles({}, special.skipped, rivals.rivals - asked, rivals.skipped)
    others = {path: data for path, data in rivals.data.items() if path not in asked}
    fresh = {**special.data, **others, **files}
    for _ in range(_MAX_ROUNDS):
        found.data.update(fresh)
        wanted = sorted(find_named_files(fresh, prefix) - found.data.keys() - asked)
        if not wanted:
            break
        asked.update(wanted)
        part = read_foreign_files(repository, wanted[:_MAX_FILES])
        found.skipped.update(part.skipped)
        found.skipped.update(_name_rest(repository, wanted[_MAX_FILES:], _TOO_MANY))
        fresh = part.data
    else:
        found.data.update(fresh)
        left = sorted(find_named_files(fresh, prefix) - found.data.keys() - asked)
        found.skipped.update(_name_rest(repository, left, _TOO_DEEP))
    return found


def _name_rest(repository: WorkTree, paths: Sequence[str], why: str) -> dict[str, str]:
    """Return those of the paths at which there is a file that is not read, and why not."""
    return dict.fromkeys(repository.describe_entries(paths), why) if paths else {}


def list_special_files(repository: WorkTree, rendering: Rendering) -> list[str]:
    """Return the committed files of others that count by their names or places alone.

    These change how the manifests are applied, or are manifests beside ours.
    """
    paths = rendering.release.paths
    listed = repository.head_tree(paths.apps, paths.argocd, links=True)
    found = [*find_special_files(paths.apps, listed), *find_neighbours(paths.argocd, listed)]
    found += find_manifests(paths.apps, listed)
    return [path for path in dict.fromkeys(found) if path not in rendering.tree]
