"""The chart makes the same objects before and after an import, but for what the report tells."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.paths import DATA
from wizard.answers.files import validate_answers
from wizard.declarations.declaration import Declaration
from wizard.declarations.values import EffectiveValues, Layer
from wizard.formats.nested import get_value, put_value
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.formats.yaml_writer import dump_yaml
from wizard.imports.importer import import_declaration
from wizard.imports.leaves import get_source, list_leaves
from wizard.imports.removals import remove_paths, show_place
from wizard.plan.render import render

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_an_example_gives_the_same_objects(
    name: str, helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    files = sorted((DATA / "examples").glob(f"{name}-*.yaml"))
    if not files:
        pytest.skip("the examples of values are not there")
    values = parse_yaml("values.yaml", files[0].read_bytes())[0][0]
    declared = EffectiveValues(values, [Layer("values.yaml", "", values)])
    found = import_declaration(Declaration("values file", "values.yaml", found=declared))
    answers = validate_answers(found.data).answers
    assert answers is not None
    after = dict(render(answers, {}).total.values)

    # What the report tells is undone; then nothing else may differ.
    changed = {one.key for one in (*found.dropped, *found.secrets, *found.evidence)}
    changed |= {*found.added}
    # An answer may say the same as a value that the wizard does not write.
    told = {place for places in found.taken.values() for place in places}
    sources = {get_source(path) for path in (*list_leaves(values), *list_leaves(after))}
    for source in sorted(sources):
        spelled = show_place(source) in told and not _is_set(after, source)
        if not spelled and show_place(source) not in changed:
            continue
        before = get_value(values, source)
        known = before is not None or _is_set(values, source)
        after = put_value(after, source, before) if known else remove_paths(after, [source])
    one = render_chart(helm, airflow_chart, values, tmp_path / "before.yaml")
    other = render_chart(helm, airflow_chart, after, tmp_path / "after.yaml")
    assert len(one) > 20
    assert other == one


def _is_set(values: Any, path: tuple[str, ...]) -> bool:
    for part in path:
        if not isinstance(values, dict) or part not in values:
            return False
        values = values[part]
    return True


def render_chart(helm: Path, chart: Path, values: Any, file: Path) -> dict[tuple[str, str], Any]:
    """The objects of the chart with these values, by kind and name."""
    file.write_text(dump_yaml(values))
    options = ["--namespace", "airflow", "--values", str(file)]
    command = [str(helm), "template", "airflow", str(chart), *options]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    objects = (one for one in yaml.safe_load_all(done.stdout) if one)
    return {(one["kind"], one["metadata"]["name"]): one for one in objects}
