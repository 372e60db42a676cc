"""The exporter's mappings for another prefix are the chart's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.helm.test_chart_rendering import manifests, rendered
from tests.support.rendered import rendering
from wizard.manifests.statsd_mappings import build_mappings

pytestmark = pytest.mark.integration


def test_each_mapping_of_the_chart_is_there_for_another_prefix(
    helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    def mappings(changes: dict[str, object]) -> dict[str, dict[str, Any]]:
        made = rendering("production", changes)
        found = manifests(rendered(helm, airflow_chart, made, tmp_path))
        [text] = [one["data"]["mappings.yml"] for one in found if "mappings.yml" in one.get(
            "data", {})]  # fmt: skip
        return {one["name"]: one for one in yaml.safe_load(text)["mappings"]}

    theirs, own = mappings({}), {one["name"]: one for one in build_mappings("airflow")}
    # The chart does not escape the dot of its regular expressions.
    unescaped = {
        name: {**one, "match": one["match"].replace("\\", "")} for name, one in own.items()
    }
    assert unescaped == theirs
    assert set(mappings({"metrics.prefix": "team"})) == {
        name.replace("airflow", "team", 1) for name in theirs
    }
