"""Charts in the repository: Airflow's chart itself, or a chart that depends on it.

Source: Helm 3, Chart.yaml (`dependencies`, `alias`, `condition`), Chart.lock, and requirements.yaml
of the charts before them. The values of a dependency are below its name or alias.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.declarations.declaration import CHART
from wizard.declarations.tree import Tree, as_list, as_mapping, as_text

_LISTS = ("Chart.yaml", "requirements.yaml")
_LOCKS = ("Chart.lock", "requirements.lock")


@dataclass(frozen=True, slots=True)
class LocalChart:
    """A chart folder that installs Airflow's chart.

    `key` is the key of Airflow's values ("" in the chart itself), `dropped` those of its keys that
    are for Helm. `version` is the version or range as written, at `place` (file and place).
    """

    folder: str
    key: str
    version: str
    place: tuple[str, str]
    repository: str
    dropped: tuple[str, ...] = ()

    @property
    def values(self) -> str:
        """Return the path of the chart's own values file."""
        return posixpath.join(self.folder, "values.yaml")


def find_chart(tree: Tree, folder: str) -> LocalChart | None:
    """Return the chart in a folder of the tree if it installs Airflow's chart."""
    for name in _LISTS:
        path = posixpath.normpath(posixpath.join(folder, name))
        data = tree.read_mapping(path)
        if data is None:
            continue
        for number, one in enumerate(as_list(data.get("dependencies"))):
            entry = as_mapping(one)
            if entry.get("name") == CHART:
                return _dependency(tree, folder, path, f"dependencies[{number}].version", entry)
        if name == "Chart.yaml" and data.get("name") == CHART:
            version = as_text(data.get("version"))
            return LocalChart(folder, "", version, (path, "version"), as_text(data.get("home")))
    return None


def list_charts(tree: Tree) -> Iterator[LocalChart]:
    """Yield every chart of the tree that installs Airflow's chart."""
    for path in tree.files:
        if posixpath.basename(path) == "Chart.yaml":
            found = find_chart(tree, posixpath.dirname(path))
            if found is not None:
                yield found


def _dependency(
    tree: Tree, folder: str, path: str, where: str, entry: Mapping[str, Any]
) -> LocalChart:
    key = as_text(entry.get("alias")) or CHART
    version, place = as_text(entry.get("version")), (path, where)
    for name in _LOCKS:
        lock = posixpath.normpath(posixpath.join(folder, name))
        for number, one in enumerate(as_list((tree.read_mapping(lock) or {}).get("dependencies"))):
            if as_mapping(one).get("name") == CHART:
                version = as_text(as_mapping(one).get("version"))
                place = (lock, f"dependencies[{number}].version")
    conditions = as_text(entry.get("condition")).split(",")
    dropped = tuple(
        one.strip().removeprefix(f"{key}.")
        for one in conditions
        if one.strip().startswith(f"{key}.") and one.strip().count(".") == 1
    )
    return LocalChart(folder, key, version, place, as_text(entry.get("repository")), dropped)
