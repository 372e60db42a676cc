"""Derives the release from the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.chart.names import Names
from wizard.chart.repository import ChartRepository
from wizard.deliveries.registry import delivery_kind
from wizard.manifests.ownership import owner_id
from wizard.manifests.release import RELOADER, Paths, Release
from wizard.plan.prerequisites import list_prerequisites
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    from wizard.answers.model import Answers


def _derive_owner_id(answers: Answers) -> str:
    url = answers.repository.source or find_source_url(answers)
    return owner_id(url, answers.repository.path, answers.installation.name)


def find_source_url(answers: Answers) -> str:
    """Return the repository's URL that a controller reads; empty if the delivery needs none."""
    return delivery_kind(answers.delivery.kind).source_url(answers.delivery)


def derive_release(answers: Answers, assets: Mapping[str, str] | None = None) -> Release:
    """Return the release that these applicable, complete answers describe.

    `assets` has the contents of public files that answers name (CA certificates as PEM), by the
    answer's key. The function is pure: the same answers and assets give the same release.
    """
    kind = answers.executor.kind
    folders = answers.repository.paths
    name = answers.installation.name
    database = answers.database.kind
    celery = "Celery" in kind
    store = store_kind(answers.secrets.store)
    delivery = delivery_kind(answers.delivery.kind)
    own_values = delivery.has_image_values and bool(answers.installation.image.repository)
    return Release(
        installation=name,
        names=Names(answers.installation.release, answers.installation.namespace),
        chart=answers.installation.chart,
        chart_repository=ChartRepository(answers.installation.chart_repository),
        airflow=answers.installation.airflow_version,
        celery=celery,
        kubernetes="Kubernetes" in kind,
        local=kind.startswith("Local"),
        own_image=bool(answers.installation.image.repository),
        image_registry=answers.installation.image.registry,
        prerequisites=tuple(list_prerequisites(answers)),
        task_namespaces=tuple(answers.executor.multi_namespace) if "Kubernetes" in kind else (),
        bundled_database=database == "bundled",
        database_cluster=database == "cloudnativepg",
        pgbouncer=database != "bundled" and answers.database.pgbouncer.mode == "chart",
        chart_redis=celery and answers.broker.kind == "chart-redis",
        dag_source=answers.dags.source,
        dags_over_https=answers.dags.is_over_https,
        store=store.name,
        external_secrets=store.external_secrets,
        cluster_store=store.has_cluster_scope and answers.secrets.scope == "cluster",
        document=store.has_documents and answers.secrets.payload == "document",
        delivery=delivery.name,
        gitops=delivery.gitops,
        controller_namespace=delivery.controller_namespace(answers.delivery),
        controller_is_inside=delivery.controller_is_inside(answers.delivery),
        owner_id=_derive_owner_id(answers),
        login=answers.access.login,
        admin=answers.admin.create and answers.access.login == "password",
        reloader=RELOADER if answers.environment.reloader else {},
        disruption_budgets=answers.environment.disruption_budgets,
        network_policies=answers.environment.network_policies,
        isolated_database=answers.environment.isolate_database
        and answers.installation.airflow_version >= (3, 0, 0),
        pod_security=answers.environment.pod_security,
        openshift=answers.environment.openshift,
        paths=Paths(
            apps=f"{folders.apps}/{name}",
            argocd=f"{folders.argocd}/{name}",
            vault=f"{folders.vault}/{name}",
            docs=f"{folders.docs}/{name}",
            image=f"{folders.image}/{name}",
            own=f".airflow-wizard/{name}",
        ),
        image_values=f"{folders.apps}/{name}/values.image.yaml" if own_values else "",
        prefix=answers.repository.path,
        branch=answers.repository.branch,
        base_url=answers.access.base_url,
        known_hosts=answers.dags.known_hosts,
        assets=dict(assets or {}),
    )
