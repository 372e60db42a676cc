"""Keeps the metadata database from the pods that run tasks: its URL, and the way to it.

Source: chart 1.22.0. Its variables of the database are in every container or in none, and the
containers that wait for migrations take no variable from a Secret. So the chart's variables are
off, the components that connect get one of their own, and they wait for the migrations themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.errors import AnswersError, Problem
from wizard.manifests.contribution import EnvVar

if TYPE_CHECKING:
    from wizard.manifests.release import Release

URL_VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
_WAIT_SECONDS = 300
# The command of each component that runs all the time, by the chart's key.
_COMMANDS = {
    "apiServer": "api-server",
    "scheduler": "scheduler",
    "dagProcessor": "dag-processor",
    "triggerer": "triggerer",
}


def isolation_settings(release: Release) -> dict[str, object]:
    """Return the settings that leave the database's URL out of every container."""
    settings: dict[str, object] = {
        f"enableBuiltInSecretEnvVars.{name}": False
        for name in (URL_VARIABLE, "AIRFLOW_CONN_AIRFLOW_DB")
    }
    for key in _COMMANDS:
        settings[f"{key}.waitForMigrations.enabled"] = False
    if release.celery:
        settings["workers.celery.waitForMigrations.enabled"] = False
    return settings


def waiting_starts(release: Release, settings: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments of the components that `settings` has none for."""
    return {
        f"{key}.args": start_arguments(release, command)
        for key, command in _COMMANDS.items()
        if f"{key}.args" not in settings
    }


def start_arguments(release: Release, command: str) -> list[str]:
    """Return the arguments that run a command of `airflow`, after the migrations if need be."""
    wait = f"airflow db check-migrations --migration-wait-timeout={_WAIT_SECONDS} && "
    return ["bash", "-c", f"{wait if release.isolated_database else ''}exec airflow {command}"]


def isolation_variables(release: Release) -> tuple[EnvVar, ...]:
    """Return the database's URL for the components that connect to it."""
    secret = release.secret("metadata")
    return (
        EnvVar(URL_VARIABLE, secret=secret, key="connection", components=release.database_clients),
    )


def require_isolated_template(release: Release, text: str) -> None:
    """Raise AnswersError if a pod template names the Secret with the database's URL."""
    # Loaded only where there is a template.
    from wizard.chart.pod_template import parse_pod_template
    from wizard.formats.nested import walk

    for path, node in walk(parse_pod_template(text)):
        if node == release.secret("metadata") and path[-1:] in (("name",), ("secretName",)):
            problem = Problem(
                "executor.task_pods.template",
                "remove the Secret of the metadata database: with environment.isolate_database, "
                "tasks get no URL of it",
            )
            raise AnswersError("tasks would still reach the database", [problem])


def isolation_note(release: Release) -> str:
    """Return the runbook's section on what still reaches the database, as Markdown."""
    lines = [
        "## Isolated database",
        "",
        "Pods of tasks get no URL of the metadata database, and the network policies block its "
        "port for them. Two ways around it stay:",
        "",
        "- The DAG processor and the triggerer run DAG code, and connect to the database.",
        "- The chart lets the ServiceAccounts of the triggerer and the workers start pods. A pod "
        f"without the label `release={release.names.release}` is not limited, and it may mount the "
        f"Secret `{release.secret('metadata')}`. An admission policy of the cluster can forbid it.",
    ]
    return "\n".join(lines)
