"""The runbook says where its commands start, and forwards to the port that links lead to."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from psycopg import conninfo

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
    named = re.findall(r"kubectl apply --server-side --field-manager=\S+ -f (\S+)", text)

    where = "the top folder" if path == "." else f"the folder `{path}`"
    assert f"Run the commands in {where} of this repository." in text
    assert named
    assert {str(Path(one)) for one in named} <= set(made.tree)


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({}, "executor.workers.replicas=3"),
        ({"executor.workers": {"autoscaling": "keda"}}, "executor.workers.max_replicas=20"),
        ({"executor.kind": "KubernetesExecutor"}, "executor.task_pods.batch_size=32"),
        ({"executor.kind": "LocalExecutor"}, "components.scheduler.cpu=2"),
    ],
)
def test_its_example_is_a_setting_that_applies(changes: dict[str, object], setting: str) -> None:
    [line] = [one for one in _runbook(changes).splitlines() if one.startswith("airflow-wizard set")]
    assert line.endswith(f" {setting}")
    key, _, value = setting.partition("=")
    given = int(value) if value.isdecimal() and not key.endswith(".cpu") else value
    made = rendering("production", {**changes, key: given})
    assert dig(yaml.safe_load(made.tree.by_logical("answers").text), key) == given


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


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@pytest.mark.parametrize(
    ("changes", "shown", "hidden"),
    [
        ({}, ["component=worker"], ["kubernetes_executor", "component=scheduler"]),
        (
            {"executor.kind": "KubernetesExecutor"},
            ["get pods --selector kubernetes_executor=True --watch"],
            ["component=worker", "component=scheduler"],
        ),
        ({"executor.kind": "LocalExecutor"}, ["component=scheduler"], ["component=worker"]),
        ({"installation.airflow": "2.11.0"}, ["list-runs --dag-id airflow_smoke_test"], []),
        ({}, ["list-runs airflow_smoke_test"], []),
    ],
)
def test_it_has_a_dag_to_try_and_follows_its_task(
    changes: dict[str, object], shown: list[str], hidden: list[str]
) -> None:
    text = _runbook(changes)
    section = text[text.index("## Try a task") : text.index("## Reach the UI")]
    assert [one for one in shown if one not in section] == []
    assert [one for one in hidden if one in section] == []
    (dag,) = blocks(section, "python")
    compile(dag, "dag.py", "exec")
    module = "airflow.decorators" if "installation.airflow" in changes else "airflow.sdk"
    assert dag.startswith(f"from {module} import dag, task\n")


@pytest.mark.parametrize(
    "backend",
    [
        {"secrets.backend.kind": "vault"},
        {
            "secrets.backend.kind": "azure",
            "secrets.backend.vault_url": "https://example.vault.azure.net",
        },
    ],
)
def test_it_shows_no_password_of_a_connection(backend: dict[str, object]) -> None:
    own = {"installation.image.repository": "registry.example.com/a", "installation.image.tag": "1"}
    text = _runbook({**own, **backend})
    [line] = [one for one in text.splitlines() if "connections get" in one]
    assert line.endswith(">/dev/null && echo found")
    assert "connections get" not in _runbook({})


def test_a_rollback_names_the_migration_and_an_upgrade_the_backup() -> None:
    text = _runbook({})
    rollback = text[text.index("## Change and roll back") : text.index("## Rotate")]
    assert "airflow db downgrade \\\n  --to-version" in rollback
    assert rollback.index("db downgrade") < rollback.index("git revert")
    backup = text[text.index("## Before an upgrade") :]
    assert backup.index("pg_dump") < backup.index("pg_restore")


def test_the_backup_names_any_database_and_the_ca_that_verifies() -> None:
    changes: dict[str, object] = {
        "database.name": "we're \"a=b\\",
        "database.sslmode": "verify-full",
        "database.ca.file": "pg-ca.pem",
    }
    made = rendering("production", changes)
    text = made.tree.by_logical("runbook").text
    dump = next(line for line in text.splitlines() if line.startswith("pg_dump"))
    words = shlex.split(dump)
    found = conninfo.conninfo_to_dict(words[words.index("--dbname") + 1])
    assert (found["dbname"], found["sslmode"]) == ("we're \"a=b\\", "verify-full")
    assert found["sslrootcert"] in made.tree


def test_a_change_in_kind_is_one_upgrade_without_the_finished_jobs() -> None:
    text = rendering("local").tree.by_logical("runbook").text
    change = text[text.index("## Change and roll back") : text.index("## Rotate")]
    jobs = "delete job airflow-run-airflow-migrations airflow-create-user --ignore-not-found"
    first, second = blocks(change, "bash")
    assert first.index("airflow-wizard set") < first.index("bash apps/airflow/up.sh")
    script = rendering("local").tree.by_logical("kind-up").text
    assert script.index(jobs) < script.index("helm upgrade")
    assert second.index(jobs) < second.index("helm -n airflow rollback")


@pytest.mark.parametrize("kind", ["argocd", "helm", "kind"])
def test_its_commands_are_sound_shell(kind: str) -> None:
    preset = "local" if kind == "kind" else "production"
    text = rendering(preset, {"delivery.kind": kind}).tree.by_logical("runbook").text
    for block in blocks(text, "bash"):
        script = re.sub(r"<([a-z ]+)>", "x", block)
        done = subprocess.run(
            ["bash", "-n"], input=script, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{block}\n{done.stderr}"
