"""The chart's own pod template, given as a file of one's own: silent, and the same pods."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.rendered import answers, findings, rendering
from wizard.plan.render import Rendering, render
from wizard.questions.assets import POD_TEMPLATE

pytestmark = pytest.mark.integration

KEY = "executor.task_pods.template"
FULL: dict[str, object] = {
    "executor.kind": "KubernetesExecutor",
    "environment.network_policies": True,
    "environment.pod_security": "restricted",
    "environment.variables": {"AIRFLOW__CORE__PARALLELISM": "9"},
    "database.sslmode": "verify-full",
    "database.ca.file": "ca.pem",
    "installation.release": "data-platform",
}


def template_of(helm: Path, chart: Path, made: Rendering) -> Any:
    """The pod template in what helm renders."""
    release = made.release
    done = subprocess.run(
        [helm, "template", release.names.release, chart, "--namespace", release.namespace,
         "--values", "-", "--show-only", "templates/configmaps/configmap.yaml"],
        input=made.tree.by_logical("values").text,
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return yaml.safe_load(done.stdout)["data"]["pod_template_file.yaml"]


@pytest.mark.parametrize(
    "more",
    [{}, {"installation.airflow": "2.11.0"}, {"dags.source": "bundle"}],
    ids=["Airflow 3", "Airflow 2", "bundle"],
)
def test_the_charts_own_template_is_complete(
    more: dict[str, object], helm: Path, airflow_chart: Path
) -> None:
    before = rendering("production", {**FULL, **more})
    text = POD_TEMPLATE.read(template_of(helm, airflow_chart, before).encode())
    found = answers("production", {**FULL, **more, KEY: "task.yaml"})
    made = render(found, {**before.release.assets, KEY: text})
    known = {(one.rule, one.where) for one in findings(before)}
    new = [one for one in findings(made) if (one.rule, one.where) not in known]
    assert not new, "\n".join(map(str, new))
    assert yaml.safe_load(template_of(helm, airflow_chart, made)) == yaml.safe_load(text)
