"""The section Executor: where tasks run, and on how many workers."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from wizard.chart.pod_template import TEMPLATE
from wizard.formats.types import KubeName, ManifestFile, ObjectName, Quantity, QueueNames
from wizard.manifests.contribution import Contribution
from wizard.manifests.isolation import require_isolated_template
from wizard.manifests.network_policy import NAMESPACE_LABEL, task_pod_peers
from wizard.manifests.release import Release
from wizard.manifests.task_namespaces import (
    reachable_services,
    task_namespace_note,
    task_namespace_settings,
)
from wizard.questions.assets import POD_TEMPLATE
from wizard.questions.cases import (
    AUTOSCALED_WORKERS,
    CELERY,
    CHART_TASK_POD,
    FIXED_WORKERS,
    KEDA,
    KUBERNETES,
    LOCAL,
)
from wizard.questions.effects import Effect
from wizard.questions.section import Model, QuestionInfo, Section, split_words

_CPU: str = Field(
    default="", title="CPU", description="CPU request, such as 500m. Empty: no request."
)
_MEMORY: str = Field(
    default="", title="Memory", description="Memory request, such as 1Gi. Empty: no request."
)
_MEMORY_LIMIT: str = Field(
    default="",
    title="Memory limit",
    description="A container that exceeds it is killed. Empty: no limit.",
)
_OF_CHART = QuestionInfo(when=CHART_TASK_POD)


class WorkerResources(Model):
    """Requests and limit of one worker or task pod; empty values leave the cluster's default."""

    cpu: Quantity = _CPU
    memory: Quantity = _MEMORY
    memory_limit: Quantity = _MEMORY_LIMIT

    def to_values(self) -> dict[str, dict[str, str]]:
        """Return a Kubernetes `resources` mapping without empty values."""
        requests = {"cpu": self.cpu, "memory": self.memory}
        found = {
            "requests": {name: amount for name, amount in requests.items() if amount},
            "limits": {"memory": self.memory_limit} if self.memory_limit else {},
        }
        return {name: amounts for name, amounts in found.items() if amounts}


class TaskPods(WorkerResources):
    """The template or the resources of task pods, and what the scheduler does with them."""

    template: Annotated[ManifestFile, QuestionInfo(asset=POD_TEMPLATE)] = Field(
        default="",
        title="Pod template",
        description=(
            "YAML file with a Pod of your own, relative to the answers file; it is copied. Begin "
            "with the chart's: key pod_template_file.yaml of the ConfigMap RELEASE-config."
        ),
    )
    cpu: Annotated[Quantity, _OF_CHART] = _CPU
    memory: Annotated[Quantity, _OF_CHART] = _MEMORY
    memory_limit: Annotated[Quantity, _OF_CHART] = _MEMORY_LIMIT
    cpu_limit: Annotated[Quantity, _OF_CHART] = Field(
        default="",
        title="CPU limit",
        description="A container that needs more is slowed down. Empty: no limit.",
    )
    delete_on_success: bool = Field(
        default=True,
        title="Delete finished pods",
        description="Delete the pod of a task that succeeded.",
    )
    delete_on_failure: bool = Field(
        default=False,
        title="Delete failed pods",
        description="Delete the pod of a task that failed. A pod that is kept shows its log.",
    )
    batch_size: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1,
        title="Pods at once",
        description="Pods that each scheduler creates in one loop. 16 suits busy nights.",
    )

    def to_values(self) -> dict[str, dict[str, str]]:
        """Return a Kubernetes `resources` mapping without empty values."""
        found = super().to_values()
        if self.cpu_limit:
            found["limits"] = {"cpu": self.cpu_limit, **found.get("limits", {})}
        return found

    def options(self) -> dict[str, object]:
        """Return the options of KubernetesExecutor that differ from Airflow's defaults.

        Source: provider cncf-kubernetes 10.25.0, section kubernetes_executor.
        """
        options: dict[str, object] = {}
        if not self.delete_on_success:
            options["delete_worker_pods"] = "False"
        if self.delete_on_failure:
            options["delete_worker_pods_on_failure"] = "True"
        if self.batch_size != 1:
            options["worker_pods_creation_batch_size"] = self.batch_size
        return {f"config.kubernetes_executor.{name}": one for name, one in options.items()}


class Workers(Model):
    """Number, scaling and resources of Celery workers."""

    autoscaling: Annotated[
        Literal["none", "keda", "hpa"],
        QuestionInfo(
            when=CELERY,
            labels={
                "none": "fixed number",
                "keda": "KEDA, by queued tasks, down to zero",
                "hpa": "HPA, by CPU and memory",
            },
            synonyms=("autoscaling", "autoscaler"),
        ),
    ] = Field(
        default="none",
        title="Scaling",
        description="KEDA must be installed in the cluster. HPA needs metrics-server.",
    )
    replicas: Annotated[int, Field(ge=1, le=1000), QuestionInfo(when=FIXED_WORKERS)] = Field(
        default=1, title="Workers", description="Number of Celery worker pods."
    )
    min_replicas: Annotated[int, Field(ge=0, le=1000), QuestionInfo(when=AUTOSCALED_WORKERS)] = (
        Field(
            default=1,
            title="At least",
            description="Minimum number of workers. KEDA allows 0; HPA needs 1 or more.",
        )
    )
    max_replicas: Annotated[int, Field(ge=1, le=1000), QuestionInfo(when=AUTOSCALED_WORKERS)] = (
        Field(default=10, title="At most", description="Maximum number of workers.")
    )
    keda_namespace: Annotated[ObjectName, QuestionInfo(when=KEDA, required=True)] = Field(
        default="keda",
        title="KEDA namespace",
        description=(
            "Namespace of the KEDA operator. With network policies, PgBouncer admits it from there."
        ),
    )
    concurrency: Annotated[int, Field(ge=1, le=1000), QuestionInfo(when=CELERY)] = Field(
        default=16,
        title="Tasks per worker",
        description="Tasks that a worker runs at the same time.",
    )
    persistence: Annotated[Quantity, QuestionInfo(when=CELERY, required=True)] = Field(
        default="10Gi",
        title="Log volume",
        description="Size of each worker's log volume.",
    )
    resources: Annotated[WorkerResources, QuestionInfo(when=CELERY)] = Field(
        default_factory=WorkerResources, title="Worker resources"
    )


_ANOTHER_EXECUTOR = Effect(
    "another-executor",
    "interrupt",
    "{new} does not run the tasks that {old} has queued or started: pause the DAGs and wait until "
    "no task runs.",
)
_OTHER_QUEUES = Effect(
    "other-queues",
    "interrupt",
    "Workers stop listening on a queue of {old}: its tasks wait until a worker listens again.",
    lambda old, new: not set(old.split(",")) <= set(new.split(",")),
)


_EVERYWHERE = Effect(
    "pods-everywhere",
    "none",
    "The ServiceAccounts that run DAG code may start, delete and enter pods of every namespace of "
    "the cluster (a ClusterRole).",
    lambda old, new: bool(new) and not old,
)


class Executor(Section):
    """Executor and workers."""

    title: ClassVar[str] = "Executor"
    intro: ClassVar[str] = "Tasks run in the scheduler, on Celery workers, or in a pod per task."

    kind: Annotated[
        Literal[
            "CeleryExecutor",
            "KubernetesExecutor",
            "LocalExecutor",
            "CeleryExecutor,KubernetesExecutor",
            "LocalExecutor,KubernetesExecutor",
            "CeleryKubernetesExecutor",
            "LocalKubernetesExecutor",
        ],
        QuestionInfo(
            labels={
                "CeleryExecutor": "Celery: long-running workers, a broker",
                "KubernetesExecutor": "Kubernetes: one pod per task",
                "LocalExecutor": "Local: inside the scheduler",
                "CeleryExecutor,KubernetesExecutor": "Celery first, Kubernetes on request",
                "LocalExecutor,KubernetesExecutor": "Local first, Kubernetes on request",
                "CeleryKubernetesExecutor": "CeleryKubernetesExecutor (Airflow 2 only)",
                "LocalKubernetesExecutor": "LocalKubernetesExecutor (Airflow 2 only)",
            },
            effects=(_ANOTHER_EXECUTOR,),
        ),
    ] = Field(
        default="CeleryExecutor",
        title="Executor",
        description="Celery starts tasks at once. Kubernetes isolates them and keeps no idle pods.",
    )
    workers: Workers = Field(default_factory=Workers, title="Workers")
    task_pods: Annotated[TaskPods, QuestionInfo(when=KUBERNETES)] = Field(
        default_factory=TaskPods, title="Task pods"
    )
    local_persistence: Annotated[Quantity, QuestionInfo(when=LOCAL, required=True)] = Field(
        default="10Gi",
        title="Log volume",
        description="Size of the scheduler's log volume. LocalExecutor runs tasks in its pod.",
    )
    queue: Annotated[QueueNames, QuestionInfo(when=CELERY, effects=(_OTHER_QUEUES,))] = Field(
        default="default",
        title="Queue",
        description="Celery queues that the workers listen on, separated by commas.",
    )

    multi_namespace: Annotated[
        list[KubeName],
        BeforeValidator(split_words, json_schema_input_type=str | list[str]),
        QuestionInfo(
            when=KUBERNETES,
            takes="namespaces, separated by commas",
            example="team-a, team-b",
            effects=(_EVERYWHERE,),
        ),
    ] = Field(
        default_factory=list,
        title="Namespaces",
        description=(
            "More namespaces that task pods may run in. The chart then lets the scheduler, the "
            "workers and the triggerer start and enter pods of every namespace."
        ),
    )

    def contribute(self, release: Release) -> Contribution:
        """Set the executor, the workers and their scaling."""
        settings: dict[str, object] = {"executor": self.kind}
        comments: dict[str, str] = {}
        if release.celery:
            self._celery(settings, release)
        else:
            # The chart creates a random Redis Secret and a random broker Secret for every executor
            # unless Redis is off and the broker Secret is named. Nothing reads the named Secret.
            settings["redis.enabled"] = False
            settings["data.brokerUrlSecretName"] = release.secret("broker-url-unused")
            comments["data.brokerUrlSecretName"] = (
                "only Celery reads it; without a name the chart creates one"
            )
        if release.local:
            settings["workers.celery.persistence.size"] = self.local_persistence
            comments["workers.celery.persistence.size"] = (
                "LocalExecutor: the scheduler's own log volume"
            )
        if release.kubernetes:
            self._task_pods(settings, comments, release)
        if release.task_namespaces:
            settings |= task_namespace_settings(release)
        return Contribution(settings=settings, comments=comments)

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Add what task pods in other namespaces need to reach Airflow."""
        if not release.task_namespaces:
            return Contribution()
        settings = reachable_services(release, total.values)
        if release.network_policies and release.pgbouncer and not release.airflow_3:
            settings["pgbouncer.extraNetworkPolicies"] = task_pod_peers(release)
        return Contribution(settings=settings, notes=(task_namespace_note(release, total),))

    def _task_pods(
        self, settings: dict[str, object], comments: dict[str, str], release: Release
    ) -> None:
        settings |= self.task_pods.options()
        if self.task_pods.template:
            text = release.assets.get("executor.task_pods.template", "")
            # While a form is filled in, the file has not been read yet.
            if text and release.isolated_database:
                require_isolated_template(release, text)
            settings[TEMPLATE] = text
            comments[TEMPLATE] = "a copy of the file that executor.task_pods.template names"
            return
        settings["workers.kubernetes.safeToEvict"] = False
        if resources := self.task_pods.to_values():
            settings["workers.kubernetes.resources"] = resources
        comments["workers.kubernetes.safeToEvict"] = "evicting a task pod kills its task"

    def _celery(self, settings: dict[str, object], release: Release) -> None:
        workers = self.workers
        scaled: dict[str, object] = {
            "enabled": True,
            "minReplicaCount": workers.min_replicas,
            "maxReplicaCount": workers.max_replicas,
        }
        if workers.autoscaling == "keda":
            keda = {**scaled, "usePgbouncer": release.pgbouncer}
            if release.pgbouncer and release.network_policies:
                keda["namespaceLabels"] = {NAMESPACE_LABEL: workers.keda_namespace}
            settings["workers.celery.keda"] = keda
        elif workers.autoscaling == "hpa":
            settings["workers.celery.hpa"] = scaled
        else:
            settings["workers.celery.replicas"] = workers.replicas
        settings["workers.celery.queue"] = self.queue
        settings["workers.celery.persistence.size"] = workers.persistence
        resources = workers.resources.to_values()
        if resources:
            settings["workers.celery.resources"] = resources
        if release.reloader:
            settings["workers.celery.annotations"] = dict(release.reloader)
        if release.disruption_budgets:
            settings["workers.celery.podDisruptionBudget"] = {"enabled": True}
        settings["config.celery.worker_concurrency"] = workers.concurrency
