"""The question about a pod template of one's own for task pods."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.public_files import POD
from tests.support.rendered import answers, rendering, values
from wizard.answers.assets import load_assets
from wizard.errors import AnswersError
from wizard.plan.render import render

KEY = "executor.task_pods.template"
OWN: dict[str, object] = {
    "executor.kind": "CeleryExecutor,KubernetesExecutor",
    KEY: "../pods/task.yaml",
    "executor.task_pods.memory": "4Gi",
    "dags.source": "volume",
    "dags.volume.existing_claim": "dags",
}


def loaded(data: bytes) -> dict[str, str]:
    return load_assets(answers("production", OWN), lambda _path, _limit: data)[1]


def refusal(text: str, more: dict[str, object]) -> list[str]:
    with pytest.raises(AnswersError) as refused:
        render(answers("production", {**OWN, **more}), {KEY: text})
    return [str(problem) for problem in refused.value.problems]


def without(*path: str) -> str:
    pod: dict[str, Any] = yaml.safe_load(POD)
    inner: Any = pod
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return yaml.safe_dump(pod)


@pytest.mark.parametrize("airflow", ["3.2.2", "2.11.0"])
@pytest.mark.parametrize("chart", ["1.22.0", "1.19.0"])
def test_the_file_is_the_pod_of_tasks(chart: str, airflow: str) -> None:
    found = answers(
        "production", {**OWN, "installation.chart": chart, "installation.airflow": airflow}
    )
    found, texts = load_assets(found, lambda _path, _limit: POD.encode())
    made = render(found, texts)
    assert values(made)["podTemplate"] == POD
    assert made.tree[".airflow-wizard/airflow/task.yaml"].text == POD
    assert "template: task.yaml" in made.tree.by_logical("answers").text
    # The template says what a task gets; the answers for the chart's own stay in the file.
    assert "resources" not in values(made)["workers"].get("kubernetes", {})
    assert "safeToEvict" not in values(made)["workers"].get("kubernetes", {})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff", "UTF-8"),
        (b"a: [", "not valid YAML"),
        (b"a: 1\na: 2\n", "twice"),
        (b"a: yes\n", "YAML 1.1"),
        (POD.encode() + b"---\n" + POD.encode(), "one YAML document"),
        (POD.encode().replace(b"Pod\n", b"Deployment\n"), "kind: Pod"),
        (POD.encode().replace(b"name: base", b"name: task"), "name the first one base"),
        (POD.encode().replace(b"UTC", b'"{{ .Release.Name }}"'), "without templates"),
        (POD.encode().replace(b"UTC", "U\u202eTC".encode()), "bidirectional"),
        (POD.encode().replace(b"Never", b"Always"), "write Never"),
        (b"#" * 200_001, "too large for a pod template"),
        (b"spec: !!python/object:os.system {}\n", "kind: Pod"),
    ],
)
def test_a_file_with_something_else_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(AnswersError) as refused:
        loaded(data)
    [problem] = refused.value.problems
    assert problem.key == KEY
    assert words in problem.message


def test_lines_of_another_system_are_read_alike() -> None:
    text = POD.rstrip("\n").replace("\n", "\r\n")
    assert loaded(text.encode())[KEY] == POD


def test_the_standard_of_the_namespace_applies_to_it() -> None:
    level: dict[str, object] = {"environment.pod_security": "restricted"}
    render(answers("production", {**OWN, **level}), {KEY: POD})
    [problem] = refusal(without("spec", "securityContext", "runAsNonRoot"), level)
    assert problem.startswith(f"{KEY}: the pod of tasks: set runAsNonRoot: true")


def test_an_isolated_database_stays_isolated() -> None:
    isolated: dict[str, object] = {
        "environment.network_policies": True,
        "environment.isolate_database": True,
    }
    render(answers("production", {**OWN, **isolated}), {KEY: POD})
    # A form shows the other values before the file is read.
    render(answers("production", {**OWN, **isolated}))
    source = "{secretKeyRef: {name: airflow-metadata, key: connection}}"
    text = POD.replace("value: UTC", f"valueFrom: {source}")
    [problem] = refusal(text, isolated)
    assert problem.startswith(f"{KEY}: remove the Secret of the metadata database")


def test_it_is_not_asked_where_no_task_has_a_pod() -> None:
    made = rendering("production", {**OWN, "executor.kind": "CeleryExecutor"})
    assert "podTemplate" not in values(made)
    assert not [path for path in made.tree if path.endswith("task.yaml")]
