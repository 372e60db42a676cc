"""The real chart renders each document's installation, and each example of docs/documents.md."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.documents import INSTALLATIONS
from tests.support.rendered import rendering
from tests.tools.document_table import Point, list_points
from wizard.plan.render import Rendering

pytestmark = pytest.mark.integration


def rendered(helm: Path, chart: Path, made: Rendering) -> str:
    names = made.release.names
    done = subprocess.run(
        [helm, "template", names.release, chart, "-n", names.namespace, "-f", "-"],
        input=made.tree.by_logical("values").text, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def secrets(text: str) -> list[str]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    objects = [item for item in yaml.load_all(text, Loader=loader) if item]
    assert len(objects) > 20
    return [item["metadata"]["name"] for item in objects if item["kind"] == "Secret"]


@pytest.mark.parametrize("document", INSTALLATIONS)
def test_a_documents_installation_is_the_same_twice_without_a_secret(
    document: str, helm: Path, airflow_chart: Path
) -> None:
    one = INSTALLATIONS[document]
    made = rendering(one.preset, one.answers)
    first = rendered(helm, airflow_chart, made)
    assert rendered(helm, airflow_chart, made) == first
    assert secrets(first) == []
    assert "helm.sh/hook" not in first


@pytest.mark.parametrize("point", [one for one in list_points() if one.values], ids=str)
def test_an_example_renders_without_a_secret(point: Point, helm: Path, airflow_chart: Path) -> None:
    with_example = rendered(helm, airflow_chart, rendering(point.preset, point.changes))
    assert secrets(with_example) == []
    assert "helm.sh/hook" not in with_example
    # The example has an effect.
    changes = {**point.needs}
    assert with_example != rendered(helm, airflow_chart, rendering(point.preset, changes))
