"""Rules on network policies: they must admit whatever the values in effect let in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wizard.chart.contract import get_chart_value, is_celery
from wizard.chart.exposure import list_exposures
from wizard.checks.subject import Subject, as_list, as_mapping, get_nested
from wizard.checks.values import Report
from wizard.findings import Finding
from wizard.formats.nested import walk

_RULE = "values.network-policy"


def check_network_policies(subject: Subject) -> Iterator[Finding]:
    """Run the rules on the peers that the chart's policies admit."""
    values = subject.values
    if values is None or get_chart_value(values, "networkPolicies.enabled") is not True:
        return
    report = Report(subject.layout.values)
    yield from _check_api_server(values, subject, report)
    yield from _check_keda(values, report)


def _check_api_server(
    values: Mapping[str, Any], subject: Subject, report: Report
) -> Iterator[Finding]:
    airflow_3 = subject.airflow >= (3, 0, 0)
    where = f"{'apiServer' if airflow_3 else 'webserver'}.networkPolicy.ingress.from"
    peers = as_list(get_chart_value(values, where))
    if not peers and airflow_3:
        message = "missing: the policies block the API server from the workers, so no task runs"
        fix = f"allow podSelector tier: airflow, release: {subject.release_name} and the ingress"
        yield report.error(_RULE, where, message, fix)
        return
    if any(set(as_mapping(peer)) & {"namespaceSelector", "ipBlock"} for peer in peers):
        return
    fix = "allow the ingress controller's namespace (namespaceSelector), or the networks (ipBlock)"
    for exposure in list_exposures(values, airflow_3=airflow_3):
        message = f"{exposure.where} exposes the UI, but the policy admits only pods of Airflow"
        yield report.warning(_RULE, where, message, fix)
    for title in _find_routes(subject):
        message = f"{title} leads to the UI, but the policy admits only pods of Airflow"
        yield report.warning(_RULE, where, message, fix)


def _find_routes(subject: Subject) -> Iterator[str]:
    """Yield the kinds of objects in the tree that lead to the API server's Service."""
    web = "api-server" if subject.airflow >= (3, 0, 0) else "webserver"
    kinds = ("Ingress", "HTTPRoute", "IngressRoute", "VirtualService")
    found = [
        document.kind
        for document in subject.objects(*kinds)
        if subject.namespace(document) == subject.layout.namespace
        and any(subject.is_object_name(node, web) for _, node in walk(document.spec))
    ]
    yield from dict.fromkeys(found)


def _check_keda(values: Mapping[str, Any], report: Report) -> Iterator[Finding]:
    """Report a KEDA operator that PgBouncer's policy keeps out."""
    if get_chart_value(values, "pgbouncer.enabled") is not True:
        return
    more = as_list(get_chart_value(values, "pgbouncer.extraNetworkPolicies"))
    if any("namespaceSelector" in as_mapping(peer) for peer in more):
        return
    places = ["workers.celery.keda", "workers.keda"] if is_celery(values) else []
    for place in (*places, "triggerer.keda"):
        keda = as_mapping(get_nested(values, *place.split(".")))
        if keda.get("enabled") is not True or keda.get("namespaceLabels"):
            continue
        if place == "triggerer.keda" and not keda.get("usePgbouncer"):
            continue
        message = "the policy of PgBouncer admits KEDA's operator from this namespace only"
        fix = f"write {place}.namespaceLabels with a label of the operator's namespace"
        yield report.warning(_RULE, f"{place}.namespaceLabels", message, fix)
