"""The variables of a proxy for outgoing requests, and what must not go through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wizard.chart.contract import get_chart_value
from wizard.manifests.contribution import Contribution, EnvVar, Flow

if TYPE_CHECKING:
    from wizard.manifests.release import Release

# Programs disagree on the case: curl reads only the small http_proxy.
PROXY_VARIABLES = tuple(
    name for one in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY") for name in (one, one.lower())
)
# The purpose of the flows to the proxy.
PROXY_FLOW = "proxy"
_PORTS = {"http": 80, "https": 443}


def proxy_contribution(
    release: Release, http: str, https: str, exceptions: Sequence[str]
) -> Contribution:
    """Return the variables of all Airflow containers, and the way to the proxy."""
    variables = _list_variables(release, http, https, exceptions)
    flows = []
    for url in dict.fromkeys(filter(None, (http, https))):
        parts = urlsplit(url)
        flows.append(Flow(PROXY_FLOW, parts.hostname or "", parts.port or _PORTS[parts.scheme]))
    return Contribution(
        env=tuple(EnvVar(name, value) for name, value in variables.items()), flows=tuple(flows)
    )


def git_proxy_settings(
    release: Release, http: str, https: str, exceptions: Sequence[str], values: Mapping[str, Any]
) -> dict[str, object]:
    """Return the same variables for git-sync, if it clones over HTTPS: SSH takes no such proxy."""
    key = "dags.gitSync"
    over_ssh = any(get_chart_value(values, f"{key}.{one}") for one in ("sshKeySecret", "sshKey"))
    variables = _list_variables(release, http, https, exceptions)
    if over_ssh or not variables or get_chart_value(values, f"{key}.enabled") is not True:
        return {}
    return {f"{key}.env": [{"name": name, "value": one} for name, one in variables.items()]}


def _list_variables(
    release: Release, http: str, https: str, exceptions: Sequence[str]
) -> dict[str, str]:
    if not (http or https):
        return {}
    without = ",".join(_list_exceptions(release, exceptions))
    given = {"HTTP_PROXY": http, "HTTPS_PROXY": https, "NO_PROXY": without}
    return {
        name: value for upper, value in given.items() if value for name in (upper, upper.lower())
    }


def _list_exceptions(release: Release, more: Sequence[str]) -> tuple[str, ...]:
    """Return hosts and domains inside the cluster, then those of the answers.

    Pods use short names in their own namespace. The kubelet replaces the reference by the address
    of the API server, which the kubernetes package uses.
    """
    names, space = release.names, release.namespace
    services = [release.web_component, "pgbouncer", "redis", "statsd", "otel-collector"]
    inside = [
        "localhost",
        "127.0.0.1",
        "$(KUBERNETES_SERVICE_HOST)",
        "kubernetes.default",
        *(names.object_name(one) for one in services),
        f".{space}",
        ".svc",
        ".cluster.local",
    ]
    return tuple(dict.fromkeys([*inside, *more]))
