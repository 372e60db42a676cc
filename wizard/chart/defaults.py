"""The chart's defaults: what a value is in effect that nobody sets.

Only texts of one line, numbers and booleans; no lists, and no templates. The list is generated from
the charts' values.yaml into keydata/defaults.txt; tests/tools/chart_keys.py describes the format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from wizard.chart.keys import read_key_list
from wizard.chart.versions import list_chart_versions


@cache
def load_defaults(version: str) -> Mapping[tuple[str, ...], Any]:
    """Return the defaults of one chart version by their paths; KeyError if it is not known."""
    if version not in list_chart_versions():
        raise KeyError(f"no defaults for chart {version}")
    found: dict[tuple[str, ...], Any] = {}
    current = ""
    for line in read_key_list("defaults").splitlines():
        if line.startswith("# chart "):
            # The newest chart comes first; each other one has only what differs from it.
            current = line.removeprefix("# chart ")
            continue
        if line.startswith("#") or current not in (list_chart_versions()[0], version):
            continue
        key, _, value = line.partition(" = ")
        path = tuple(key.split("/"))
        if value:
            found[path] = json.loads(value)
        else:
            found.pop(path, None)
    return found
