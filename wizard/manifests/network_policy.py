"""Network policies: additions to the chart's ingress policies, and our own egress policies.

Source: facts on the chart, section 8: with only `networkPolicies.enabled`, workers cannot reach the
API server. The chart has no egress rules. What they admit and allow follows from the Helm values in
effect, not from the answers alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

from wizard.chart.configuration import Configuration
from wizard.chart.connections import list_connections
from wizard.chart.exposure import list_exposures
from wizard.chart.variables import Installation
from wizard.errors import AnswersError, Problem
from wizard.formats.addresses import is_ip_address
from wizard.manifests.contribution import Flow
from wizard.manifests.objects import BASICS_WAVE, manifest_file, object_metadata
from wizard.manifests.postgres import POOLER_PORT, POSTGRES_PORT
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
# The purposes of the flows to Airflow's own database, and their questions if it is external.
_DATABASE_KEYS = {"PostgreSQL": "database", "PgBouncer": "database.pgbouncer"}
DATABASE_FLOWS = frozenset(_DATABASE_KEYS)
_KUBERNETES = "Kubernetes API"
# The purpose of the flow to the store of logs that questions name.
LOG_FLOW = "task logs"
_DNS = 53
# The port of OpenShift's DNS pods: OVN-Kubernetes compares what its Service forwards to.
_OPENSHIFT_DNS = 5353
_WORKER = "worker"
# What tasks use in the namespace (chart 1.22.0), besides the workers' own logs.
_REACHED_BY_TASKS = ("api-server", "otel-collector", "redis", "statsd")


class Opening(NamedTuple):
    """A port that a rule opens: in one network (CIDR), or on any host."""

    protocol: str
    port: int
    network: str = ""

    def __str__(self) -> str:
        place = f" in {self.network}" if self.network else ""
        return f"{self.port}/{self.protocol}{place}"

    @property
    def anywhere(self) -> Opening:
        """Return the opening of the same port on any host."""
        return self._replace(network="")

    def reaches(self, host: str) -> bool:
        """Return whether it may open the port of this host: the address of a name is not known."""
        if not (self.network and is_ip_address(host)):
            return True
        return ip_address(host) in ip_network(self.network)


# What the header of a policy says of its ports.
_ANY_HOST = "on any host"
_NETWORKS = "in the network that is named"
_PLACES = f"{_ANY_HOST}, or {_NETWORKS}"
_KUBERNETES_API = (Opening("TCP", 443), Opening("TCP", 6443))


def dns_rule(release: Release) -> dict[str, Any]:
    """Return the egress rule that lets pods look up names."""
    ports = (_DNS, _OPENSHIFT_DNS) if release.openshift else (_DNS,)
    return _rule([Opening(protocol, port) for port in ports for protocol in ("UDP", "TCP")])


def airflow_pods(release: Release) -> dict[str, Any]:
    """Return the selector of every Airflow pod of this release."""
    return {"podSelector": {"matchLabels": {"tier": "airflow", "release": release.names.release}}}


def task_pod_peers(release: Release) -> list[dict[str, Any]]:
    """Return the task pods of the other namespaces as peers of a network policy."""
    if not release.task_namespaces:
        return []
    one_of = {"key": NAMESPACE_LABEL, "operator": "In", "values": [*release.task_namespaces]}
    return [{"namespaceSelector": {"matchExpressions": [one_of]}, **airflow_pods(release)}]


def installation_of(release: Release, values: Mapping[str, Any]) -> Installation:
    """Return what the environments of the containers depend on."""
    names = release.names
    return Installation(values, release.airflow, release.chart, names.release, names.namespace)


def list_outside_peers(
    release: Release,
    values: Mapping[str, Any],
    controller: str,
    sources: Iterable[str],
    *,
    route: bool,
) -> list[dict[str, Any]]:
    """Return the peers of whatever exposes the UI by the values in effect.

    `controller` is the namespace of the ingress controller or Gateway; without it, all namespaces
    are admitted, because a policy cannot know which one it is. `route`: a manifest of ours, such as
    an HTTPRoute, exposes it. `sources` are the networks of a load balancer.
    """
    peers: list[dict[str, Any]] = []
    exposures = tuple(list_exposures(values, airflow_3=release.airflow_3))
    if route or any(one.kind == "ingress" for one in exposures):
        labels = {"matchLabels": {NAMESPACE_LABEL: controller}} if controller else {}
        peers.append({"namespaceSelector": labels})
    networks = [*sources, *(cidr for one in exposures for cidr in one.sources)]
    return [*peers, *({"ipBlock": {"cidr": cidr}} for cidr in dict.fromkeys(networks))]


def ingress_settings(release: Release, peers: Iterable[Mapping[str, Any]]) -> dict[str, object]:
    """Admit to the API server the Airflow pods and these peers."""
    admitted = [airflow_pods(release), *task_pod_peers(release), *peers]
    return {f"{release.web_key}.networkPolicy.ingress.from": admitted}


def list_egress_flows(
    release: Release, flows: Iterable[Flow], values: Mapping[str, Any]
) -> tuple[Flow, ...]:
    """Return these flows, and the other connections of the configuration in effect."""
    flows = tuple(flows)
    configuration = Configuration(installation_of(release, values))
    complete = {(one.host, one.port) for one in flows if one.complete}
    everywhere = {(one.protocol, one.port) for one in flows if not (one.components or one.network)}
    # A bucket says nothing about a search engine that the values have beside it.
    search = any(one.purpose == LOG_FLOW and one.complete for one in flows)
    more = (
        Flow(one.purpose, one.host, one.port, one.components, one.protocol)
        for one in list_connections(configuration)
        if (one.host, one.port) not in complete
        and not (search and one.is_guess)
        and (one.host or (one.protocol, one.port) not in everywhere)
    )
    return (*flows, *more)


def egress_policies(
    release: Release, flows: Iterable[Flow], values: Mapping[str, Any]
) -> tuple[File, ...]:
    """Return one egress policy for all pods, and one for each flow of certain components.

    The first allows DNS, traffic between the pods, the Kubernetes API, and the flows of all
    components. A NetworkPolicy cannot contain host names, so outside the namespace only the port
    is limited, unless a flow names its network. To `flows` come the connections of the
    configuration in effect.
    """
    flows = tuple(flows)
    ports: dict[Opening, set[str]] = {}
    certain: dict[tuple[str, tuple[str, ...]], set[Opening]] = {}
    for flow in list_egress_flows(release, flows, values):
        opening = Opening(flow.protocol, flow.port, flow.network)
        if flow.components:
            certain.setdefault((flow.purpose, flow.components), set()).add(opening)
        else:
            ports.setdefault(opening, set()).add(flow.purpose)
    for port in _KUBERNETES_API:
        ports.setdefault(port, set()).add(_KUBERNETES)
    ports = {one: ports[one] for one in _select_openings(ports, ports)}
    common = [_common_policy(release, ports)]
    if release.isolated_database:
        _require_isolation(release, ports, certain, flows)
        common.append(_worker_policy(release, ports))
    files = {file.path: file for file in common}
    for (purpose, components), found in sorted(certain.items()):
        if own := _select_openings(found - ports.keys(), {*found, *ports}):
            file = _policy_of_components(release, purpose, components, own)
            if file.path in files:
                # The names of two purposes begin alike, or one is for two sets of components.
                ending = hashlib.sha256(f"{purpose} {components}".encode()).hexdigest()[:8]
                file = _policy_of_components(release, purpose, components, own, ending)
            files[file.path] = file
    return tuple(files.values())


def _select_openings(openings: Iterable[Opening], others: Iterable[Opening]) -> list[Opening]:
    """Return the openings in their order, without networks if one of `others` is for any host."""
    known = set(others)
    return sorted(one for one in openings if not one.network or one.anywhere not in known)


def _common_policy(release: Release, ports: Mapping[Opening, set[str]]) -> File:
    rules: list[dict[str, Any]] = [
        {"to": [{"podSelector": {}}]},
        dns_rule(release),
    ]
    rules += _rules(ports)
    purposes = [f"{one}: {', '.join(sorted(names))}" for one, names in sorted(ports.items())]
    first = f"Airflow can reach pods in its namespace, DNS, and these ports {_describe(ports)}:"
    header = "\n".join([first, *purposes])
    pods: dict[str, Any] = {"matchLabels": _labels(release)}
    if release.isolated_database:
        pods["matchExpressions"] = [
            {"key": "component", "operator": "NotIn", "values": [_WORKER]},
        ]
    return _policy(release, "egress", pods, rules, header)


def _worker_policy(release: Release, ports: Mapping[Opening, set[str]]) -> File:
    """Return the policy of the pods that run tasks, without the database and its pooler."""
    pods = {"matchLabels": {**_labels(release), "component": _WORKER}}
    reached = {"key": "component", "operator": "In", "values": [*_REACHED_BY_TASKS]}
    peers = {"matchLabels": _labels(release), "matchExpressions": [reached]}
    rules: list[dict[str, Any]] = [{"to": [{"podSelector": peers}]}, dns_rule(release)]
    rules += _rules(ports)
    header = "Pods of tasks can reach these of Airflow's pods, and no database of Airflow's own."
    return _policy(release, "egress-isolated-tasks", pods, rules, header)


def _require_isolation(
    release: Release,
    ports: Mapping[Opening, set[str]],
    certain: Mapping[tuple[str, tuple[str, ...]], set[Opening]],
    flows: Iterable[Flow],
) -> None:
    """Raise AnswersError if tasks need a port of the database: a policy knows no host names."""
    database = {one: _DATABASE_KEYS[one.purpose] for one in flows if one.purpose in DATABASE_FLOWS}
    # Inside the namespace, where no flow is needed.
    if release.pgbouncer:
        database[Flow("PgBouncer", release.names.pgbouncer_host, POOLER_PORT)] = ""
    if release.bundled_database:
        database[Flow("PostgreSQL", release.names.bundled_postgres_host, POSTGRES_PORT)] = ""
    for (purpose, components), found in certain.items():
        for opening in sorted(found):
            if _WORKER in components:
                _refuse_opening(opening, {purpose}, database)
    for opening, purposes in sorted(ports.items()):
        _refuse_opening(opening, purposes, database)


def _refuse_opening(
    opening: Opening, purposes: Iterable[str], database: Mapping[Flow, str]
) -> None:
    """Raise AnswersError if an opening may be a way to one of these flows.

    Each is with the question that has `host` and `port` below it; "" for one of the chart's own,
    which has a port of its own in the namespace.
    """
    blocked = [
        key
        for one, key in database.items()
        if (one.protocol, one.port) == (opening.protocol, opening.port)
        and opening.reaches(one.host)
    ]
    if not blocked:
        return
    key = blocked[0]
    purpose = ", ".join(sorted(purposes))
    place = f" in {opening.network}" if opening.network else ""
    ways = ["use another port there"]
    if _KUBERNETES in purposes and key:
        ways = [f"use another {key}.port"]
    if opening.network and key:
        ways.append(f"give a {key}.host that is an address elsewhere")
    problem = Problem(
        "environment.isolate_database",
        f"tasks need port {opening.port}{place} ({purpose}), which is also the database's, and a "
        f"network policy cannot tell hosts apart by name: {', '.join(ways)}, or turn the isolation "
        "off",
    )
    raise AnswersError("tasks would still reach the database", [problem])


def _policy_of_components(
    release: Release,
    purpose: str,
    components: tuple[str, ...],
    ports: list[Opening],
    ending: str = "",
) -> File:
    chosen: dict[str, Any] = {"matchLabels": _labels(release)}
    if len(components) == 1:
        chosen["matchLabels"]["component"] = components[0]
    else:
        one_of = {"key": "component", "operator": "In", "values": sorted(components)}
        chosen["matchExpressions"] = [one_of]
    slug = re.sub(r"[^a-z0-9]+", "-", purpose.lower()).strip("-")[:40].strip("-")
    slug = f"{slug}-{ending}" if ending else slug
    networks = any(one.network for one in ports)
    header = f"{purpose}: {', '.join(sorted(components))} can reach these ports {_describe(ports)}"
    header += "\n".join([":", *map(str, sorted(ports))]) if networks else "."
    anywhere = [one for one in ports if not one.network]
    rules = [*([_rule(anywhere)] if anywhere else []), *_network_rules(ports)]
    return _policy(release, f"egress-{slug}", chosen, rules, header)


def _describe(openings: Iterable[Opening]) -> str:
    found = {bool(one.network) for one in openings}
    return (_PLACES if False in found else _NETWORKS) if True in found else _ANY_HOST


def _labels(release: Release) -> dict[str, str]:
    return {"release": release.names.release}


def _rule(ports: Iterable[Opening]) -> dict[str, Any]:
    return {"ports": [{"protocol": one.protocol, "port": one.port} for one in ports]}


def _rules(openings: Iterable[Opening]) -> list[dict[str, Any]]:
    """Return one rule for each port, and for a port in networks one with all of them."""
    openings = sorted(openings)
    return [*(_rule([one]) for one in openings if not one.network), *_network_rules(openings)]


def _network_rules(openings: Iterable[Opening]) -> Iterator[dict[str, Any]]:
    networks: dict[Opening, list[dict[str, Any]]] = {}
    for one in sorted(openings):
        if one.network:
            networks.setdefault(one.anywhere, []).append({"ipBlock": {"cidr": one.network}})
    for port, blocks in networks.items():
        yield {"to": blocks, **_rule([port])}


def _policy(
    release: Release, name: str, pods: dict[str, Any], rules: list[dict[str, Any]], header: str
) -> File:
    data = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": object_metadata(release, release.names.object_name(name), wave=BASICS_WAVE),
        "spec": {"podSelector": pods, "policyTypes": ["Egress"], "egress": rules},
    }
    return manifest_file(release, name, data, header)
