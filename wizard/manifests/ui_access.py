"""How users reach the UI: settings and objects that expose it, and the runbook's section on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wizard.chart.exposure import Exposure, list_exposures
from wizard.chart.users import creates_user
from wizard.formats.addresses import is_loopback
from wizard.formats.nested import get_value
from wizard.manifests.contribution import Contribution, EnvVar
from wizard.manifests.isolation import start_arguments
from wizard.manifests.oauth2_proxy import PROXY, PROXY_PORT, proxy_pods
from wizard.manifests.objects import manifest_file, object_metadata
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wizard.manifests.release import Release

_PORT = 8080
_HTTPS_PORT = 443
# The variable of the Job that creates the first user.
PASSWORD_VARIABLE = "AIRFLOW_DEFAULT_PASSWORD"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Backend:
    """What users reach first: a Service with its port, and the labels and port of its pods."""

    service: str
    port: int
    pods: Mapping[str, str]


def find_backend(release: Release) -> Backend:
    """Return oauth2-proxy if it is in front of the UI, otherwise the component with the UI."""
    if release.login == "proxy":
        return Backend(release.names.object_name(PROXY), PROXY_PORT, proxy_pods(release))
    pods = {"tier": "airflow", "component": release.web_component, "release": release.names.release}
    return Backend(release.web_name, _PORT, pods)


@dataclass(frozen=True, slots=True)
class IngressEntry:
    """Where an Ingress listens: host and path, the Secret with its certificate, and its class."""

    host: str
    path: str
    secret: str
    class_name: str
    annotations: Mapping[str, str]


def ingress(release: Release, entry: IngressEntry) -> File:
    """Return an Ingress to oauth2-proxy; the chart's own leads past it."""
    about = object_metadata(release, release.names.object_name("ui"))
    if found := {**entry.annotations, **about.get("annotations", {})}:
        about["annotations"] = found
    backend = find_backend(release)
    service = {"name": backend.service, "port": {"number": backend.port}}
    route = {"path": entry.path, "pathType": "Prefix", "backend": {"service": service}}
    spec: dict[str, Any] = {"ingressClassName": entry.class_name} if entry.class_name else {}
    spec["tls"] = [{"hosts": [entry.host], "secretName": entry.secret}]
    spec["rules"] = [{"host": entry.host, "http": {"paths": [route]}}]
    data = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": about,
        "spec": spec,
    }
    return manifest_file(release, "ingress", data, "Users reach oauth2-proxy here.")


def ingress_values(release: Release, entry: IngressEntry) -> dict[str, object]:
    """Return the settings of the chart's own Ingress."""
    section = "ingress.apiServer" if release.airflow_3 else "ingress.web"
    tls = {"enabled": True, "secretName": entry.secret}
    settings: dict[str, object] = {
        f"{section}.enabled": True,
        f"{section}.hosts": [{"name": entry.host, "tls": tls}],
        f"{section}.path": entry.path,
        f"{section}.pathType": "Prefix",
    }
    if entry.class_name:
        settings[f"{section}.ingressClassName"] = entry.class_name
    if entry.annotations:
        settings[f"{section}.annotations"] = dict(entry.annotations)
    return settings


def load_balancer(release: Release, annotations: Mapping[str, str], sources: Sequence[str]) -> File:
    """Return a Service of type LoadBalancer on the base URL's port, for these networks only.

    The chart's own Service stays inside the cluster: it has the port of plain HTTP, which workers
    use. `Local` keeps the addresses of the clients, which network policies compare.
    """
    about = object_metadata(release, release.names.object_name("ui"))
    about["annotations"] = {**annotations, **about.get("annotations", {})}
    backend, port = find_backend(release), urlsplit(release.base_url).port or _HTTPS_PORT
    data = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": about,
        "spec": {
            "type": "LoadBalancer",
            "externalTrafficPolicy": "Local",
            "loadBalancerSourceRanges": list(sources),
            "selector": dict(backend.pods),
            "ports": [{"name": "https", "port": port, "targetPort": backend.port}],
        },
    }
    header = "Users reach the UI here. The load balancer terminates TLS."
    return manifest_file(release, "load-balancer", data, header)


def proxy_settings(release: Release) -> Contribution:
    """Let Airflow 3 believe a proxy's X-Forwarded headers, or links and logins begin with http.

    The chart sets `enable_proxy_fix`, which is all that Airflow 2 and the FAB login need.
    uvicorn believes the headers of 127.0.0.1 only, unless the variable says otherwise.
    """
    if not release.airflow_3:
        return Contribution()
    return Contribution(
        settings={"apiServer.args": start_arguments(release, "api-server --proxy-headers")},
        env=(EnvVar("FORWARDED_ALLOW_IPS", "*", components=("api-server",)),),
    )


def http_route(release: Release, host: str, path: str, gateway: tuple[str, str, str]) -> File:
    """Return the HTTPRoute; `gateway` is a name, its namespace and the listener with TLS."""
    name, namespace, listener = gateway
    found = find_backend(release)
    backend = {"name": found.service, "port": found.port}
    data = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": object_metadata(release, release.names.object_name("ui")),
        "spec": {
            "parentRefs": [{"name": name, "namespace": namespace, "sectionName": listener}],
            "hostnames": [host],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": path}}],
                    "backendRefs": [backend],
                }
            ],
        },
    }
    header = f"Users reach the UI through the Gateway {namespace}/{name}."
    return manifest_file(release, "http-route", data, header)


def render_ui_access(release: Release, values: Mapping[str, Any]) -> str:
    """Return Markdown with the address or port-forward, and how to read the admin's password.

    `values` are the Helm values in effect, which may have an Ingress or expose the Service.
    """
    if release.login != "password":
        # The provider sends users back to the base URL only.
        return (
            f"## Reach the UI\n\nOpen {release.base_url}. You cannot log in through a port-forward."
        )
    namespace = release.namespace
    port, url = _forward_target(release.base_url)
    forward = f"kubectl -n {namespace} port-forward svc/{release.web_name} {port}:{_PORT}"
    opened = _describe_exposures(release, values)
    text = f"## Reach the UI\n\n{opened}```bash\n{forward}\n```\n\nThen open {url}."
    if found := find_admin_password(values):
        name, key = found
        path = "{.data." + key.replace(".", "\\.") + "}"
        text += (
            " The admin's password:\n\n```bash\n"
            f"kubectl -n {namespace} get secret {name} -o jsonpath='{path}' | base64 -d\n```"
        )
    return text


def find_admin_password(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the Secret and the key from which the Job gets the admin's password; None without."""
    if not creates_user(values):
        return None
    listed = get_value(values, ("createUserJob", "env"))
    for item in listed if isinstance(listed, list) else []:
        name = get_value(item, ("name",))
        ref = get_value(item, ("valueFrom", "secretKeyRef"))
        if name == PASSWORD_VARIABLE and isinstance(ref, Mapping) and {"name", "key"} <= ref.keys():
            return str(ref["name"]), str(ref["key"])
    return None


def _describe_exposures(release: Release, values: Mapping[str, Any]) -> str:
    """Return where the UI is open to others, and how this section goes on; "" if it is not."""
    exposed = not is_loopback(urlsplit(release.base_url).hostname or "")
    found = [release.base_url] if exposed else []
    for exposure in list_exposures(values, airflow_3=release.airflow_3):
        if exposure.kind == "ingress":
            found += [_ingress_address(release, exposure, host) for _, host in exposure.hosts]
            continue
        service = release.web_name
        found.append(f"the address of `kubectl -n {release.namespace} get service {service}`")
    if not found:
        return ""
    return f"Open {' or '.join(dict.fromkeys(found))}. Or forward a port:\n\n"


def _ingress_address(release: Release, exposure: Exposure, host: str) -> str:
    """Return the URL of the Ingress at this host; the base URL, if it leads there."""
    base = urlsplit(release.base_url)
    if base.hostname == host.lower():
        return release.base_url
    return f"{'https' if exposure.tls else 'http'}://{host}"


def _forward_target(base_url: str) -> tuple[int, str]:
    """Return the local port and the URL to open; port 8080 if the base URL is not on loopback."""
    parts = urlsplit(base_url)
    if not is_loopback(parts.hostname or ""):
        return _PORT, f"http://localhost:{_PORT}"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return port, base_url
