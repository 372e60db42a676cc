"""Task pods in other namespaces: the values, the peers of policies, and the runbook's section.

Source: chart 1.22.0 (`multiNamespaceMode`) and provider cncf-kubernetes 10.25.0: the executor
watches the namespaces of its list, and a task chooses one by `pod_override`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wizard.chart.configuration import url_path
from wizard.chart.contract import CONTRACT, get_chart_value
from wizard.formats.nested import get_value

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution, EnvVar
    from wizard.manifests.release import Release


def task_namespace_settings(release: Release) -> dict[str, object]:
    """Return the settings with which the executor starts and watches pods elsewhere.

    The list must have the installation's own namespace: the executor watches no other.
    """
    watched = ",".join((release.namespace, *release.task_namespaces))
    return {
        "multiNamespaceMode": True,
        "config.kubernetes_executor.multi_namespace_mode_namespace_list": watched,
    }


def reachable_services(release: Release, values: Mapping[str, Any]) -> dict[str, object]:
    """Return the options whose defaults are hosts that only the own namespace resolves."""
    found: dict[str, object] = {}
    space = release.namespace
    if release.airflow_3:
        path = url_path(str(get_value(values, ("config", "api", "base_url"), "")))
        port = get_chart_value(values, "ports.apiServer")
        host = f"{release.web_name}.{space}"
        found["config.core.execution_api_server_url"] = f"http://{host}:{port}{path}/execution/"
    if get_chart_value(values, "statsd.enabled") is True:
        exporter = release.names.object_name("statsd")
        found["config.metrics.statsd_host"] = f"{exporter}.{space}"
    return found


def task_namespace_note(release: Release, total: Contribution) -> str:
    """Return the runbook's section on what each namespace needs, as Markdown.

    A pod mounts and reads only what is in its own namespace, and nothing copies it there.
    """
    names = release.names
    secrets = sorted(
        {
            *_list_secrets_of_tasks(release, total.values),
            *(variable.secret for variable in total.env if _is_for_tasks(variable)),
            *(mount.secret for mount in total.mounts if mount.secret),
            *total.pull_secrets,
        }
    )
    maps = sorted(
        {names.object_name("config"), *(one.config_map for one in total.mounts if one.config_map)}
    )
    account = names.service_account("worker")
    example = release.task_namespaces[0]
    lines = [
        "## Task pods in other namespaces",
        "",
        f"Tasks may run in {', '.join(f'`{one}`' for one in release.task_namespaces)}. Each of "
        "these namespaces must exist, and needs the same objects as "
        f"`{release.namespace}`, kept up to date by its owner:",
        "",
        f"- ServiceAccount `{account}`",
        *(f"- ConfigMap `{one}`" for one in maps),
        *(f"- Secret `{one}`" for one in secrets),
        "",
        "A task chooses its namespace:",
        "",
        "```python",
        "from kubernetes.client import models as k8s",
        "",
        f'there = k8s.V1Pod(metadata=k8s.V1ObjectMeta(namespace="{example}"))',
        'executor_config = {"pod_override": there}  # an argument of the task',
        "```",
        "",
        "The ServiceAccounts of the scheduler, the workers and the triggerer may start, delete and "
        "enter pods of **every** namespace of the cluster: the chart binds them to a ClusterRole. "
        "DAG code runs under one of them.",
    ]
    if release.network_policies:
        lines += [
            "",
            "The network policies admit task pods of these namespaces, but limit only pods in "
            f"`{release.namespace}`.",
        ]
    if get_chart_value(total.values, "cleanup.enabled") is True:
        lines += ["", f"The clean-up of finished pods looks at `{release.namespace}` only."]
    return "\n".join(lines)


# The values that name Secrets which task pods read (chart 1.22.0, pod template).
_READ_BY_TASKS = frozenset(
    {
        "apiSecretKeySecretName",
        "dags.gitSync.credentialsSecret",
        "dags.gitSync.sshKeySecret",
        "data.brokerUrlSecretName",
        "data.metadataSecretName",
        "data.resultBackendSecretName",
        "fernetKeySecretName",
        "webserverSecretKeySecretName",
    }
)


def _list_secrets_of_tasks(release: Release, values: Mapping[str, Any]) -> Iterator[str]:
    for use in CONTRACT:
        if use.value in _READ_BY_TASKS and use.applies(values, release.airflow):
            name = get_chart_value(values, use.value)
            if name and use.keys_read(values):
                yield str(name)


def _is_for_tasks(variable: EnvVar) -> bool:
    return bool(variable.secret) and (not variable.components or "worker" in variable.components)
