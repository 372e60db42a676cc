"""Which programs the cluster must have for an installation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.deliveries.registry import delivery_kind
from wizard.manifests import prerequisites
from wizard.questions.cases import CLUSTER_DATABASE, HTTP_ROUTE, INGRESS, KEDA, SERVICE_MONITOR
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.prerequisites import Prerequisite


def list_prerequisites(answers: Answers) -> Iterator[Prerequisite]:
    """Yield the programs that these answers need, in the order in which they are installed."""
    for one in _list_programs(answers):
        yield prerequisites.use_registry(one, answers.installation.image.registry)


def _list_programs(answers: Answers) -> Iterator[Prerequisite]:
    cluster = answers.database.cluster if CLUSTER_DATABASE.holds(answers) else None
    issuer = answers.access.tls.issuer if INGRESS.holds(answers) else ""
    if issuer:
        yield prerequisites.cert_manager(issuer, "makes the certificate of the UI")
    elif cluster is not None and cluster.backup.url:
        yield prerequisites.cert_manager("", "makes the certificates of the plugin Barman Cloud")
    if INGRESS.holds(answers):
        yield prerequisites.ingress_controller(answers.access.class_)
    if HTTP_ROUTE.holds(answers):
        yield prerequisites.GATEWAY
    if store_kind(answers.secrets.store).external_secrets:
        yield prerequisites.EXTERNAL_SECRETS
    if cluster is not None:
        yield prerequisites.cloudnativepg(cluster.operator_namespace)
        if cluster.backup.url:
            yield prerequisites.barman_cloud(cluster.operator_namespace)
    if KEDA.holds(answers):
        yield prerequisites.KEDA
    if answers.environment.reloader:
        yield prerequisites.RELOADER
    if SERVICE_MONITOR.holds(answers):
        yield prerequisites.PROMETHEUS
    yield from delivery_kind(answers.delivery.kind).prerequisites(answers.delivery)
