"""The runbook's section on how to reach the UI: at its address, or by port-forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wizard.chart.exposure import Exposure, list_exposures
from wizard.formats.addresses import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wizard.manifests.release import Release

_PORT = 8080


def render_ui_access(release: Release, values: Mapping[str, Any]) -> str:
    """Return Markdown with the address or port-forward, and how to read the admin's password.

    `values` are the Helm values in effect, which may have an Ingress or expose the Service.
    """
    web = "api-server" if release.airflow_3 else "webserver"
    namespace = release.namespace
    port, url = _forward_target(release.base_url)
    forward = (
        f"kubectl -n {namespace} port-forward svc/{release.names.object_name(web)} {port}:{_PORT}"
    )
    opened = _describe_exposures(release, values, web)
    text = f"## Reach the UI\n\n{opened}```bash\n{forward}\n```\n\nThen open {url}."
    if release.admin:
        name = release.secret("default-user")
        text += (
            " The admin's password:\n\n```bash\n"
            f"kubectl -n {namespace} get secret {name} -o jsonpath='{{.data.password}}' "
            "| base64 -d\n```"
        )
    return text


def _describe_exposures(release: Release, values: Mapping[str, Any], web: str) -> str:
    """Return where the UI is open to others, and how this section goes on; "" if it is not."""
    found = []
    for exposure in list_exposures(values, airflow_3=release.airflow_3):
        if exposure.kind == "ingress":
            found += [_ingress_address(release, exposure, host) for _, host in exposure.hosts]
            continue
        service = release.names.object_name(web)
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
