"""Metrics for Prometheus: the exporter's network policy, a ServiceMonitor and the runbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.manifests.network_policy import NAMESPACE_LABEL, task_pod_peers
from wizard.manifests.objects import manifest_file, object_metadata
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release

_PORT = 9102


def exporter_settings(release: Release, scraper: str) -> dict[str, object]:
    """Admit to the exporter the pods of the scraper's namespace, and task pods elsewhere.

    Source: chart 1.22.0: one policy for the port that is written to and the one that is scraped.
    """
    peers = task_pod_peers(release)
    if scraper:
        peers.append({"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: scraper}}})
    return {"statsd.extraNetworkPolicies": peers} if peers else {}


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
