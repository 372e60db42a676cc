"""`derive(answers)`: everything about a release that more than one section needs, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wizard.chart.names import Names
from wizard.source import source

if TYPE_CHECKING:
    from wizard.sections import Answers

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
    store: Literal["vault", "kubernetes"]
    cluster_store: bool
    delivery: Literal["argocd", "helm", "kind"]
    applications: Literal["one", "two"]
    argocd: str
    # Whose the objects are that outlive a clone; empty where no answer names the repository.
    source: str
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
        return self.names.object(suffix)

    @property
    def dag_readers(self) -> tuple[str, ...]:
        """Component labels of the pods that read DAG files (chart 1.22.0, git-sync)."""
        found = ["dag-processor", "triggerer"]
        if self.celery or self.kubernetes:
            found.append("worker")
        if self.local:
            found.append("scheduler")
        return tuple(dict.fromkeys(found))


def _source(answers: Answers) -> str:
    if answers.delivery.kind != "argocd":
        return ""
    url = answers.delivery.argocd.repo_url
    return source(url, answers.repository.path, answers.installation.name)


def derive(answers: Answers, assets: Mapping[str, str] | None = None) -> Release:
    """The release these (applicable, complete) answers describe.

    `assets` are public texts that answers name by file, by the answer's key: CA certificates as
    PEM. Pure: the same answers and assets give the same release.
    """
    kind = answers.executor.kind
    folders = answers.repository.paths
    name = answers.installation.name
    major, minor, patch = (int(part) for part in answers.installation.airflow.split("."))
    external = answers.database.kind == "external"
    celery = "Celery" in kind
    return Release(
        installation=name,
        names=Names(answers.installation.release, answers.installation.namespace),
        chart=answers.installation.chart,
        airflow=(major, minor, patch),
        celery=celery,
        kubernetes="Kubernetes" in kind,
        local=kind.startswith("Local"),
        bundled_database=not external,
        pgbouncer=external and answers.database.pgbouncer.mode == "chart",
        chart_redis=celery and answers.broker.kind == "chart-redis",
        dag_source=answers.dags.source,
        store=answers.secrets.store,
        cluster_store=answers.secrets.store == "vault" and answers.secrets.scope == "cluster",
        delivery=answers.delivery.kind,
        applications=answers.delivery.argocd.applications,
        argocd=answers.delivery.argocd.namespace,
        source=_source(answers),
        admin=answers.admin.create,
        reloader=RELOADER if answers.environment.reloader else {},
        disruption_budgets=answers.environment.disruption_budgets,
        network_policies=answers.environment.network_policies,
        pod_security=answers.environment.pod_security,
        paths=Paths(
            apps=f"{folders.apps}/{name}",
            argocd=f"{folders.argocd}/{name}",
            vault=f"{folders.vault}/{name}",
            docs=f"{folders.docs}/{name}",
            image=f"{folders.image}/{name}",
            own=f".airflow-wizard/{name}",
        ),
        prefix=answers.repository.path,
        base_url=answers.access.base_url,
        known_hosts=answers.dags.known_hosts,
        assets=dict(assets or {}),
    )
