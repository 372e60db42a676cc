"""`derive(answers)`: everything about a release that more than one section needs, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from wizard.chart.names import Names

RELOADER = {"reloader.stakater.com/auto": "true"}


@dataclass(frozen=True, slots=True)
class Paths:
    """Where this installation's files stand, relative to the top of the repository."""

    apps: str
    argocd: str
    vault: str
    docs: str
    image: str
    own: str

    @property
    def values(self) -> str:
        """The Helm values file."""
        return f"{self.apps}/airflow-values.yaml"

    @property
    def answers(self) -> str:
        """The answers file that replays this installation."""
        return f"{self.own}/answers.yaml"


@dataclass(frozen=True, slots=True)
class Release:
    """Facts that follow from the answers: names, components, versions and who delivers."""

    installation: str
    names: Names
    chart: str
    airflow: tuple[int, int, int]
    celery: bool
    kubernetes: bool
    local: bool
    bundled_database: bool
    pgbouncer: bool
    chart_redis: bool
    dag_source: Literal["git-sync", "image", "bundle"]
    store: str
    # External Secrets copies the store's values into the cluster.
    external_secrets: bool
    cluster_store: bool
    delivery: str
    # A controller in the cluster, in this namespace, follows the repository.
    gitops: bool
    controller_namespace: str
    # It deploys into the cluster that it runs in.
    controller_is_inside: bool
    # Whose the objects are that outlive a clone; empty where no answer names the repository.
    owner_id: str
    admin: bool
    reloader: Mapping[str, str]
    disruption_budgets: bool
    network_policies: bool
    pod_security: Literal["none", "baseline", "restricted"]
    paths: Paths
    prefix: str
    base_url: str
    known_hosts: str
    assets: Mapping[str, str]

    @property
    def airflow_3(self) -> bool:
        """Whether the API server, the JWT and the DAG processor replace the webserver."""
        return self.airflow >= (3, 0, 0)

    @property
    def airflow_version(self) -> str:
        """The Airflow version as people write it."""
        return ".".join(str(part) for part in self.airflow)

    @property
    def namespace(self) -> str:
        """The namespace everything is installed into."""
        return self.names.namespace

    @property
    def runbook(self) -> str:
        """The runbook, relative to the top of the work tree."""
        below = "" if self.prefix in {"", "."} else f"{self.prefix.strip('/')}/"
        return f"{below}{self.paths.docs}/RUNBOOK.md"

    def secret(self, suffix: str) -> str:
        """Name of a Secret of this release; always also written into the values."""
        return self.names.object_name(suffix)

    @property
    def dag_readers(self) -> tuple[str, ...]:
        """Component labels of the pods that read DAG files (chart 1.22.0, git-sync)."""
        found = ["dag-processor", "triggerer"]
        if self.celery or self.kubernetes:
            found.append("worker")
        if self.local:
            found.append("scheduler")
        return tuple(dict.fromkeys(found))
