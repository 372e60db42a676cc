"""The runbook says where its commands start, and forwards to the port that links lead to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.support.rendered import dig, rendering


def _runbook(changes: dict[str, object]) -> str:
    return rendering("production", changes).tree.by_logical("runbook").text


@pytest.mark.parametrize(
    ("base_url", "forward", "opened"),
    [
        ("http://localhost:8080", "8080:8080", "http://localhost:8080"),
        ("http://localhost:9090", "9090:8080", "http://localhost:9090"),
        ("http://127.0.0.1:9090/airflow", "9090:8080", "http://127.0.0.1:9090/airflow"),
        ("http://localhost", "80:8080", "http://localhost"),
    ],
)
def test_the_port_forward_listens_where_links_lead(
    base_url: str, forward: str, opened: str
) -> None:
    text = _runbook({"access.base_url": base_url})

    assert f"port-forward svc/airflow-api-server {forward}\n" in text
    assert f"Then open {opened}." in text


@pytest.mark.parametrize("path", [".", "clusters/prod"])
def test_its_paths_are_files_from_where_its_commands_start(path: str) -> None:
    made = rendering("production", {"repository.path": path})
    text = made.tree.by_logical("runbook").text
    named = re.findall(r"kubectl apply -f (\S+)", text)

    where = "the top folder" if path == "." else f"the folder `{path}`"
    assert f"Run the commands in {where} of this repository." in text
    assert named
    assert {str(Path(one)) for one in named} <= set(made.tree)


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({}, "executor.workers.replicas=3"),
        ({"executor.workers": {"autoscaling": "keda"}}, "executor.workers.max_replicas=20"),
        ({"executor.kind": "KubernetesExecutor"}, "components.api_server.replicas=2"),
        ({"executor.kind": "LocalExecutor"}, "components.api_server.replicas=2"),
    ],
)
def test_its_example_is_a_setting_that_applies(changes: dict[str, object], setting: str) -> None:
    [line] = [one for one in _runbook(changes).splitlines() if one.startswith("airflow-wizard set")]
    assert line.endswith(f" {setting}")
    key, _, value = setting.partition("=")
    made = rendering("production", {**changes, key: int(value)})
    assert f"{key.rpartition('.')[2]}: {value}\n" in made.tree.by_logical("answers").text


def test_it_passes_no_pooler_that_is_not_there() -> None:
    past = "connects without PgBouncer"
    assert past in _runbook({})
    assert past in _runbook({"database.pgbouncer": {"mode": "external", "host": "pool.example"}})
    assert past not in _runbook({"database.pgbouncer": {"mode": "off"}})


def test_it_names_the_address_of_the_ingress() -> None:
    host: dict[str, object] = {"name": "airflow.example.com", "tls": {"enabled": True}}
    more = {"ingress": {"apiServer": {"enabled": True, "hosts": [host]}}}
    assert "Open https://airflow.example.com. Or forward a port:" in _runbook({"values": more})
    same: dict[str, object] = {
        "values": more,
        "access.base_url": "https://airflow.example.com/x",
    }
    assert "Open https://airflow.example.com/x. Or forward a port:" in _runbook(same)
    service = {"apiServer": {"service": {"type": "LoadBalancer"}}}
    assert "get service airflow-api-server`. Or" in _runbook({"values": service})
    assert "Or forward" not in _runbook({})


def test_it_shows_the_shape_of_a_document() -> None:
    made = rendering("gitops-vault")
    text = made.tree.by_logical("runbook").text
    shown = yaml.safe_load(text.partition("## Payload")[2].split("```")[1].removeprefix("yaml"))
    for secret in made.total.secrets:
        for fact in secret.facts:
            assert dig(shown, fact.place) == "..."
            assert f"`{fact.place}`" in text
    assert "write all of it back" in text
    assert "## Payload" not in _runbook({})


def test_it_names_no_role_that_the_values_turn_off() -> None:
    assert "pod launcher role" in _runbook({})
    assert "pod launcher role" not in _runbook({"values": {"rbac": {"create": False}}})


@pytest.mark.parametrize(
    "job",
    [
        "x",
        {"env": "x"},
        {"env": ["x"]},
        {"env": [{"name": "AIRFLOW_DEFAULT_PASSWORD", "valueFrom": "x"}]},
        {"env": [{"name": "AIRFLOW_DEFAULT_PASSWORD", "valueFrom": {"secretKeyRef": {}}}]},
    ],
)
def test_a_job_that_makes_no_sense_has_no_password_to_read(job: object) -> None:
    # The checks refuse such values; the runbook is rendered before them.
    assert "admin's password" not in _runbook({"values": {"createUserJob": job}})
