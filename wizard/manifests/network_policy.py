"""Network policies: additions to the chart's ingress policies, and our own egress policy.

Source: facts on the chart, section 8: with only `networkPolicies.enabled`, workers cannot reach the
API server. The chart has no egress rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from wizard.manifests.objects import BASICS_WAVE, manifest_file, object_metadata
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.contribution import Flow
    from wizard.manifests.release import Release


def airflow_pods(release: Release) -> dict[str, Any]:
    """Return the selector of every Airflow pod of this release."""
    return {"podSelector": {"matchLabels": {"tier": "airflow", "release": release.names.release}}}


def ingress_settings(release: Release) -> dict[str, object]:
    """Turn on the chart's policies, and allow the Airflow pods to call the API server."""
    web = "apiServer" if release.airflow_3 else "webserver"
    return {
        "networkPolicies.enabled": True,
        f"{web}.networkPolicy.ingress.from": [airflow_pods(release)],
    }


def egress_policy(release: Release, flows: Iterable[Flow]) -> File:
    """Return one egress policy for all Airflow pods.

    It allows DNS, traffic between the pods, the Kubernetes API, and the flows. A NetworkPolicy
    cannot contain host names, so outside the namespace only the port is limited.
    """
    ports: dict[tuple[str, int], list[str]] = {}
    for flow in flows:
        ports.setdefault((flow.protocol, flow.port), []).append(flow.purpose)
    ports.setdefault(("TCP", 443), []).append("Kubernetes API")
    ports.setdefault(("TCP", 6443), []).append("Kubernetes API")
    rules: list[dict[str, Any]] = [
        {"to": [{"podSelector": {}}]},
        {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
    ]
    for (protocol, port), _ in sorted(ports.items()):
        rules.append({"ports": [{"protocol": protocol, "port": port}]})
    purposes = [
        f"{port}/{protocol}: {', '.join(sorted(set(names)))}"
        for (protocol, port), names in sorted(ports.items())
    ]
    name = release.names.object_name("egress")
    data = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": object_metadata(release, name, wave=BASICS_WAVE),
        "spec": {
            "podSelector": {"matchLabels": {"release": release.names.release}},
            "policyTypes": ["Egress"],
            "egress": rules,
        },
    }
    header = "\n".join(
        ["Airflow can reach pods in its namespace, DNS, and these ports on any host:", *purposes]
    )
    return manifest_file(release, "egress", data, header)
