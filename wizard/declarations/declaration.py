"""What every reader returns: one release of Airflow's chart, as files declare it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from wizard.declarations.values import EffectiveValues, Fault, number_place
from wizard.formats.nested import format_path, walk

_VERSION = re.compile(r"(\d{1,4}\.\d{1,4}\.\d{1,4})(?![\d.])").match
_APACHE = "airflow.apache.org"
CHART = "airflow"
# Keys at the top of the values that only Apache's chart has.
_OWN_KEYS = frozenset(
    ("airflowVersion", "defaultAirflowTag", "defaultAirflowRepository", "airflowHome", "fernetKey",
     "fernetKeySecretName", "webserverSecretKey", "webserverSecretKeySecretName", "apiSecretKey",
     "apiSecretKeySecretName", "jwtSecret", "jwtSecretName", "dagProcessor", "migrateDatabaseJob",
     "createUserJob", "apiServer", "allowPodLaunching", "dags", "workers", "scheduler", "triggerer",
     "webserver", "pgbouncer", "flower", "executor")
)  # fmt: skip
# Keys of other charts for Airflow (the community's and Bitnami's), of objects, and of our answers.
_OTHER_KEYS = frozenset(
    ("airflow", "web", "worker", "externalDatabase", "externalRedis", "kind", "apiVersion",
     "schema")
)  # fmt: skip


@dataclass(frozen=True)
class Declaration:
    """One release of Airflow's chart: its values, its versions, and where they are written.

    `kind` is what declares it, `path` the file, `number` the document in it (from 0), and `where`
    the place in the document. `chart` is the chart's version or range of versions as written (""
    if nowhere), at `chart_place` (file and place). `release` and `namespace` are "" if unknown.
    """

    kind: str
    path: str
    where: str = ""
    number: int = 0
    chart: str = ""
    chart_place: tuple[str, str] = ("", "")
    repository: str = ""
    release: str = ""
    namespace: str = ""
    found: EffectiveValues = field(default_factory=EffectiveValues)

    @property
    def values(self) -> Mapping[str, Any]:
        """Return the merged values, without those that could not be read."""
        return self.found.values

    @property
    def airflow(self) -> str:
        """Return Airflow's version (X.Y.Z): as written, else from the image's tag; "" if unknown.

        A tag may have more than the version, such as 3.2.2-python3.12.
        """
        image = self.values.get("images")
        image = image.get("airflow") if isinstance(image, Mapping) else None
        tag = image.get("tag") if isinstance(image, Mapping) else None
        for text in (self.values.get("airflowVersion"), tag, self.values.get("defaultAirflowTag")):
            match = _VERSION(text) if isinstance(text, str) else None
            if match:
                return match[1]
        return ""

    @property
    def is_airflow(self) -> bool:
        """Return whether this is Apache's chart; other charts have the same name."""
        return _APACHE in self.repository or "apache-airflow" in self.repository or (
            looks_like_values(self.values, least=1)
        )  # fmt: skip

    def locate(self, where: str) -> tuple[str, str, bool]:
        """Return file and place of the value at this place of the values, and whether it is set.

        For a value that is missing, this is where it could be added.
        """
        path = self._paths.get(where, ())
        for layer in reversed(self.found.layers):
            if path and _has(layer.values, path):
                return layer.path, layer.place(where), True
        for layer in self.found.layers:
            if layer.nested:
                return layer.path, layer.place(where), False
        return self.path, number_place(self.number, f"{self.where}: {where}".strip(": ")), False

    def find_unresolved(self, path: str, where: str) -> Fault | None:
        """Return the fault about the value at this place of a file, if it has one."""
        for one in self.found.unresolved:
            if one.path == path and one.where == where:
                return one
        return None

    @cached_property
    def _paths(self) -> Mapping[str, tuple[str | int, ...]]:
        return {format_path(path): path for path, _ in walk(self.values)}


def looks_like_values(data: Mapping[str, Any], *, least: int = 2) -> bool:
    """Return whether a mapping holds values of Apache's chart, by its keys."""
    if not all(isinstance(key, str) for key in data) or _OTHER_KEYS & set(data):
        return False
    executor = data.get("executor")
    if isinstance(executor, str):
        return True
    # In other files, the same keys hold text, such as the names of teams.
    own = [key for key in _OWN_KEYS & set(data) if not isinstance(data[key], list)]
    return executor is None and len(own) >= least


def names_airflow(chart: object) -> bool:
    """Return whether a chart, written as NAME, REPOSITORY/NAME or oci://…/NAME, is Airflow's."""
    return isinstance(chart, str) and chart.rstrip("/").rpartition("/")[2] == CHART


def _has(value: object, path: Sequence[str | int]) -> bool:
    """Return whether a layer sets the value at this path."""
    for key in path:
        if isinstance(key, int):
            if not isinstance(value, list) or key >= len(value):
                return False
            value = value[key]
        elif isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            return False
    return True
