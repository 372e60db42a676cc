"""The runbook's section on a first task: a DAG to add, and the commands that follow its run.

Sources: document 001 (validation: trigger a DAG and watch its pod); the command line of Airflow
2.11.0 and 3.2.2; the labels that KubernetesExecutor gives task pods (provider cncf-kubernetes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.manifests.release import Release

_NAME = "airflow_smoke_test"


def render_smoke_test(release: Release) -> str:
    """Return the section: the DAG, how it is started, and where its task shows."""
    airflow = release.airflow_command
    listed = f"{airflow} dags list-runs {'' if release.airflow_3 else '--dag-id '}{_NAME}"
    place = (
        f"`{release.paths.image}/dags/` and build the image"
        if release.dag_source == "image"
        else "the DAG repository"
    )
    commands = [f"{airflow} dags trigger {_NAME}", *_watch_commands(release), listed]
    block = "\n".join(["```bash", *commands, "```"])
    return (
        f"## Try a task\n\nAdd this file to {place}, wait until Airflow lists the DAG, then "
        f"start it:\n\n```python\n{_dag(release)}```\n\n{block}"
    )


def _dag(release: Release) -> str:
    module = "airflow.sdk" if release.airflow_3 else "airflow.decorators"
    return (
        f"from {module} import dag, task\n\n\n"
        "@dag(schedule=None, is_paused_upon_creation=False)\n"
        f"def {_NAME}():\n"
        "    @task\n"
        "    def show_host():\n"
        "        import platform\n\n"
        "        print(platform.node())\n\n"
        "    show_host()\n\n\n"
        f"{_NAME}()\n"
    )


def _watch_commands(release: Release) -> list[str]:
    """Return the commands that show where the executor runs the task."""
    logs = f"kubectl -n {release.namespace} logs --tail=30 --selector release="
    logs += f"{release.names.release},component="
    found = [f"{logs}worker --container worker"] if release.celery else []
    if release.kubernetes:
        found.append(
            f"kubectl -n {release.namespace} get pods --selector kubernetes_executor=True --watch"
            "   # a pod per task"
        )
    return [*found, *([f"{logs}scheduler --container scheduler"] if release.local else [])]
