"""Rules on pods: the namespaces of task pods, their template, and what namespaces admit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.answers.access_rules import OWNERS
from wizard.errors import Problem
from wizard.manifests.proxy import PROXY_VARIABLES

if TYPE_CHECKING:
    from wizard.answers.model import Answers

# Write access to these controls the whole cluster.
SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})


def check_task_namespaces(answers: Answers) -> Iterator[Problem]:
    """Report namespaces of task pods that are named twice, or that no task may run in."""
    key = "executor.multi_namespace"
    found = answers.executor.multi_namespace
    if "Kubernetes" not in answers.executor.kind or not found:
        return
    if answers.installation.namespace in found:
        name = answers.installation.namespace
        yield Problem(key, f"remove {name}: task pods may always run in the installation's own")
    if len(set(found)) < len(found):
        yield Problem(key, "name each namespace once")
    if taken := sorted(SYSTEM_NAMESPACES.intersection(found)):
        yield Problem(key, f"remove {taken[0]}, which is a namespace of Kubernetes itself")
    volumes = (
        ("logs.kind", "use pod or remote", answers.logs.kind),
        ("dags.source", "use git-sync, bundle or image", answers.dags.source),
    )
    for question, instead, kind in volumes:
        if kind == "volume":
            yield Problem(
                question,
                f"{instead}, or leave {key} empty: pods of other namespaces cannot mount the "
                "volume",
            )


def check_isolation(answers: Answers) -> Iterator[Problem]:
    """Report answers with which tasks would still need or reach the metadata database."""
    if not answers.environment.isolate_database:
        return
    key, executor = "environment.isolate_database", answers.executor
    if answers.installation.airflow_version < (3, 0, 0):
        yield Problem(key, "turn it off: tasks of Airflow 2 read and write the database themselves")
        return
    if not answers.environment.network_policies:
        yield Problem("environment.network_policies", f"turn them on: {key} needs them")
    if executor.kind.startswith("Local"):
        yield Problem(
            "executor.kind",
            f"use CeleryExecutor or KubernetesExecutor with {key}: LocalExecutor runs tasks in the "
            "scheduler, which needs the database",
        )
    if "Celery" in executor.kind:
        yield from _check_isolated_celery(answers)
    if "Kubernetes" in executor.kind and executor.multi_namespace:
        yield Problem(
            "executor.multi_namespace",
            f"leave it empty with {key}: network policies limit pods of their own namespace only",
        )


def _check_isolated_celery(answers: Answers) -> Iterator[Problem]:
    key = "environment.isolate_database"
    if answers.executor.workers.autoscaling == "keda":
        yield Problem(
            "executor.workers.autoscaling",
            f"use none or hpa with {key}: KEDA takes the database's URL from the workers",
        )
    results = answers.database.result_backend
    if answers.database.kind == "external" and results.kind == "separate":
        yield Problem(
            "database.result_backend.kind",
            f"use metadata: with {key}, Celery keeps its results in the broker",
        )
    if answers.broker.kind == "external" and answers.broker.port in _AMQP_PORTS:
        yield Problem(
            "broker.port",
            f"use a Redis with {key}: Celery keeps its results in the broker, RabbitMQ keeps none",
        )


def check_openshift(answers: Answers) -> Iterator[Problem]:
    """Report a Pod Security Standard that the SCC anyuid cannot go with.

    Source: OpenShift 4, SCC anyuid: it admits no pod that names a seccomp profile.
    """
    environment = answers.environment
    if environment.openshift and environment.pod_security == "restricted":
        yield Problem(
            "environment.pod_security",
            "use none or baseline with environment.openshift: the SCC anyuid admits no seccomp "
            "profile, which restricted requires",
        )


def check_proxy_variables(answers: Answers) -> Iterator[Problem]:
    """Report variables that the questions on the proxy set too."""
    environment = answers.environment
    if not (environment.proxy.http or environment.proxy.https):
        return
    for name in environment.variables:
        if name in PROXY_VARIABLES:
            key = "no_proxy" if name.lower() == "no_proxy" else name.lower().partition("_")[0]
            yield Problem(
                f"environment.variables.{name}", f"remove it: environment.proxy.{key} sets it"
            )


def check_marks(answers: Answers) -> Iterator[Problem]:
    """Report annotations and labels by which tools decide who owns an object, or find pods."""
    components = answers.components
    for name in components.service_account.annotations:
        if name.partition("/")[0] in OWNERS:
            yield Problem(
                f"components.service_account.annotations.{name}",
                "remove it: by this annotation, tools decide who owns the object",
            )
    for name in components.pod_annotations:
        group = name.partition("/")[0]
        if group in OWNERS:
            yield Problem(
                f"components.pod_annotations.{name}",
                "remove it: by this annotation, tools decide who owns the object",
            )
        elif group in _CHART_ANNOTATIONS or name in _CHART_ANNOTATIONS:
            yield Problem(
                f"components.pod_annotations.{name}", "remove it: the chart sets it for each pod"
            )
    for name in components.pod_labels:
        if name in _CHART_LABELS or name.partition("/")[0] in _LABEL_OWNERS:
            yield Problem(
                f"components.pod_labels.{name}",
                "use another name: by this label, the chart, Helm or Argo CD find their objects",
            )


# Labels of the chart's pods (chart 1.22.0).
_CHART_LABELS = frozenset(
    {"chart", "component", "executor", "heritage", "namespace", "release", "tier", "worker-set"}
)
_CHART_ANNOTATIONS = frozenset({"checksum", "cluster-autoscaler.kubernetes.io/safe-to-evict"})
_LABEL_OWNERS = OWNERS | {"app.kubernetes.io"}
_AMQP_PORTS = frozenset({5671, 5672})

POD_RULES = (
    check_task_namespaces,
    check_isolation,
    check_openshift,
    check_proxy_variables,
    check_marks,
)
