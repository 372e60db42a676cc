"""Reads the committed files of others that take effect together with the wizard's files."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.checks.special_files import find_manifests, find_neighbours, find_special_files
from wizard.git.foreign_files import ForeignFiles, read_foreign_files
from wizard.plan.merge_base import STATE_DIR

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.plan.render import Rendering

# More files of one level, or more levels, are not read. The checks report them as missing.
_MAX_FILES = 1000
_MAX_ROUNDS = 20
# The API group of Applications and ApplicationSets.
_ARGOCD = "argoproj.io/"


def read_surroundings(
    repository: WorkTree, rendering: Rendering, files: Mapping[str, bytes]
) -> ForeignFiles:
    """Return `files` with the committed files that take effect together with them, by path.

    These are the files that a kustomization or an Application among them names, files in the
    manifests' folder that kustomize or Argo CD reads by their names, and manifests beside ours or
    beside the Applications.
    """
    from wizard.checks.surroundings import find_named_files

    release = rendering.release
    prefix = "" if release.prefix in {"", "."} else release.prefix.strip("/")
    special = read_foreign_files(repository, list_special_files(repository, rendering))
    rivals = _read_rivals(repository, rendering)
    found = ForeignFiles({}, special.skipped, frozenset(rivals))
    asked: set[str] = set()
    fresh = {**special.data, **rivals, **files}
    for _ in range(_MAX_ROUNDS):
        found.data.update(fresh)
        wanted = sorted(find_named_files(fresh, prefix) - found.data.keys() - asked)
        if not wanted:
            break
        asked.update(wanted)
        part = read_foreign_files(repository, wanted[:_MAX_FILES])
        found.skipped.update(part.skipped)
        fresh = part.data
    return found


def _read_rivals(repository: WorkTree, rendering: Rendering) -> dict[str, bytes]:
    """Return the committed Applications of others, anywhere, that deploy this installation too."""
    from wizard.checks.run import build_layout
    from wizard.deliveries.argocd.checks.rivals import (
        find_second_installation,
        read_deployment,
    )
    from wizard.formats.yaml_untrusted import parse_yaml

    layout = build_layout(rendering)
    if not layout.applications:
        return {}
    paths = [path for path in repository.find_text(_ARGOCD) if path not in rendering.tree]
    marks = [posixpath.dirname(layout.values).encode(), layout.namespace.encode(), b"recurse"]
    ours = read_deployment(
        document
        for path in layout.applications
        for document in parse_yaml(path, rendering.tree[path].data)[0]
        if isinstance(document, Mapping) and document.get("kind") != "AppProject"
    )
    found = {}
    for path, data in read_foreign_files(repository, paths[:_MAX_FILES]).data.items():
        # Most of them are Applications of other installations; parsing each takes a millisecond.
        if path.startswith(f"{STATE_DIR}/") or not any(mark in data for mark in marks):
            continue
        if any(
            find_second_installation(layout, document, ours)
            for document in parse_yaml(path, data)[0]
            if isinstance(document, Mapping) and document.get("kind") != "AppProject"
        ):
            found[path] = data
    return found


def list_special_files(repository: WorkTree, rendering: Rendering) -> list[str]:
    """Return the committed files of others that count by their names or places alone.

    These change how the manifests are applied, or are manifests beside ours.
    """
    paths = rendering.release.paths
    listed = repository.head_tree(paths.apps, paths.argocd, links=True)
    found = [*find_special_files(paths.apps, listed), *find_neighbours(paths.argocd, listed)]
    found += find_manifests(paths.apps, listed)
    return [path for path in dict.fromkeys(found) if path not in rendering.tree]
