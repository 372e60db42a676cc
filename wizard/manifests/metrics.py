"""Metrics for Prometheus: the exporter's network policy, a ServiceMonitor and the runbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.manifests.network_policy import NAMESPACE_LABEL
from wizard.manifests.objects import manifest_file, object_metadata
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release

_PORT = 9102


def scrape_settings(namespace: str) -> dict[str, object]:
    """Admit the pods of a namespace to the exporter. Source: chart 1.22.0."""
    labels = {"matchLabels": {NAMESPACE_LABEL: namespace}}
    return {"statsd.extraNetworkPolicies": [{"namespaceSelector": labels}]}


def service_monitor(release: Release, labels: Mapping[str, str]) -> File:
    """Return the ServiceMonitor of the exporter's Service, for the Prometheus Operator."""
    about = object_metadata(release, release.names.object_name("statsd"))
    about["labels"] = {**labels, **about["labels"]}
    service = {"tier": "airflow", "component": "statsd", "release": release.names.release}
    data = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": about,
        "spec": {
            "selector": {"matchLabels": service},
            "endpoints": [{"port": "statsd-scrape", "path": "/metrics"}],
        },
    }
    return manifest_file(release, "service-monitor", data, "Prometheus scrapes the exporter.")


def metrics_note(release: Release) -> str:
    """Return the runbook's section on the exporter, as Markdown."""
    service = release.names.object_name("statsd")
    space = release.namespace
    return (
        f"## Metrics\n\nPrometheus scrapes `http://{service}.{space}:{_PORT}/metrics`. To look at "
        f"them:\n\n```bash\nkubectl -n {space} port-forward svc/{service} {_PORT}:{_PORT}\n"
        f"curl -s localhost:{_PORT}/metrics\n```"
    )
