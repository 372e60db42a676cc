"""Facts about a release that several sections need; `wizard.plan.derive` computes them once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from wizard.chart.names import Names
from wizard.chart.repository import ChartRepository
from wizard.manifests.prerequisites import Prerequisite

RELOADER = {"reloader.stakater.com/auto": "true"}


@dataclass(frozen=True, slots=True)
class Paths:
    """Folders of this installation's files, relative to the top of the repository."""

    apps: str
    argocd: str
    vault: str
    docs: str
    image: str
    own: str

    @property
    def values(self) -> str:
        """Return the path of the Helm values file."""
        return f"{self.apps}/airflow-values.yaml"

    @property
    def answers(self) -> str:
        """Return the path of the answers file."""
        return f"{self.own}/answers.yaml"


@dataclass(frozen=True, slots=True)
class Release:
    """Facts derived from the answers: names, components, versions, store and delivery."""

    installation: str
    names: Names
    chart: str
    chart_repository: ChartRepository
    airflow: tuple[int, int, int]
    celery: bool
    kubernetes: bool
    local: bool
    # Whether the image is one's own, which can have packages that the official one lacks.
    own_image: bool
    # The registry and path with copies of all public images; empty: the public registries.
    image_registry: str
    # Programs that the cluster must have first.
    prerequisites: tuple[Prerequisite, ...]
    # Namespaces beside the installation's own that task pods may run in.
    task_namespaces: tuple[str, ...]
    bundled_database: bool
    # Whether a Cluster of CloudNativePG in the namespace holds the database.
    database_cluster: bool
    pgbouncer: bool
    chart_redis: bool
    dag_source: Literal["git-sync", "image", "bundle", "volume"]
    dags_over_https: bool
    store: str
    # Whether External Secrets copies the store's values into the cluster.
    external_secrets: bool
    cluster_store: bool
    # Whether the store's payload is one YAML document instead of a key per value.
    document: bool
    delivery: str
    # Whether a controller in the cluster follows the repository, and the controller's namespace.
    gitops: bool
    controller_namespace: str
    # Whether the controller deploys into the cluster that it runs in.
    controller_is_inside: bool
    # The owner id that objects in the cluster carry; empty if no answer gives the repository URL.
    owner_id: str
    login: Literal["password", "oauth", "proxy"]
    admin: bool
    reloader: Mapping[str, str]
    disruption_budgets: bool
    network_policies: bool
    # Whether the pods of tasks are kept from the metadata database.
    isolated_database: bool
    pod_security: Literal["none", "baseline", "restricted"]
    openshift: bool
    paths: Paths
    # The path of the values file that the image pipeline changes; empty if there is none.
    image_values: str
    prefix: str
    # The branch that changes are merged into.
    branch: str
    base_url: str
    known_hosts: str
    assets: Mapping[str, str]

    @property
    def airflow_3(self) -> bool:
        """Return whether Airflow 3 is installed, with the API server instead of the webserver."""
        return self.airflow >= (3, 0, 0)

    @property
    def web_component(self) -> str:
        """Return the chart's label of the component that serves the UI."""
        return "api-server" if self.airflow_3 else "webserver"

    @property
    def airflow_command(self) -> str:
        """Return Airflow's command line in a pod of every executor that reads the database."""
        pod = f"deploy/{self.names.object_name('dag-processor')}"
        return f"kubectl -n {self.namespace} exec {pod} -- airflow"

    def log_command(self, job: str) -> str:
        """Return the command that prints the log of one of the chart's Jobs, by its name's end."""
        return f"kubectl -n {self.namespace} logs job/{self.names.object_name(job)}"

    @property
    def web_name(self) -> str:
        """Return the name of the Deployment and the Service that serve the UI."""
        return self.names.object_name(self.web_component)

    @property
    def web_key(self) -> str:
        """Return the chart's key of the component that serves the UI."""
        return "apiServer" if self.airflow_3 else "webserver"

    @property
    def airflow_version(self) -> str:
        """Return the Airflow version as text, such as 3.2.2."""
        return ".".join(str(part) for part in self.airflow)

    @property
    def namespace(self) -> str:
        """Return the namespace of the installation."""
        return self.names.namespace

    @property
    def runbook(self) -> str:
        """Return the path of the runbook, relative to the top of the work tree."""
        below = "" if self.prefix in {"", "."} else f"{self.prefix.strip('/')}/"
        return f"{below}{self.paths.docs}/RUNBOOK.md"

    def secret(self, suffix: str) -> str:
        """Return the name of a Secret of this release; the Helm values use the same name."""
        return self.names.object_name(suffix)

    @property
    def task_runners(self) -> tuple[str, ...]:
        """Return the component labels of pods that run the code of tasks (chart 1.22.0)."""
        workers = ("worker",) if self.celery or self.kubernetes else ()
        return (*workers, *(("scheduler",) if self.local else ()), "triggerer")

    @property
    def database_clients(self) -> tuple[str, ...]:
        """Return the component labels of pods that connect to the metadata database (chart 1.22.0).

        With an isolated database, those that run tasks are not among them.
        """
        jobs = ("run-airflow-migrations", "create-user-job", "database-cleanup")
        workers = () if self.isolated_database else ("worker",)
        return (self.web_component, "scheduler", "dag-processor", "triggerer", *workers, *jobs)

    @property
    def dag_readers(self) -> tuple[str, ...]:
        """Return the component labels of pods that read DAG files (chart 1.22.0, git-sync)."""
        found = ["dag-processor", "triggerer"]
        if self.celery or self.kubernetes:
            found.append("worker")
        if self.local:
            found.append("scheduler")
        return tuple(dict.fromkeys(found))

    @property
    def clones_dags(self) -> bool:
        """Return whether pods clone DAGs from a Git host."""
        return self.dag_source in {"git-sync", "bundle"}
