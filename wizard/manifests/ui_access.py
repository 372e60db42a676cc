"""The runbook's section on how to reach the UI by port-forward."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.formats.addresses import is_loopback

if TYPE_CHECKING:
    from wizard.manifests.release import Release

_PORT = 8080


def render_ui_access(release: Release) -> str:
    """Return Markdown with the port-forward command and how to read the admin's password."""
    web = "api-server" if release.airflow_3 else "webserver"
    namespace = release.namespace
    port, url = _forward_target(release.base_url)
    forward = (
        f"kubectl -n {namespace} port-forward svc/{release.names.object_name(web)} {port}:{_PORT}"
    )
    text = f"## Reach the UI\n\n```bash\n{forward}\n```\n\nThen open {url}."
    if release.admin:
        name = release.secret("default-user")
        text += (
            " The admin's password:\n\n```bash\n"
            f"kubectl -n {namespace} get secret {name} -o jsonpath='{{.data.password}}' "
            "| base64 -d\n```"
        )
    return text


def _forward_target(base_url: str) -> tuple[int, str]:
    """Return the local port and the URL to open; port 8080 if the base URL is not on loopback."""
    parts = urlsplit(base_url)
    if not is_loopback(parts.hostname or ""):
        return _PORT, f"http://localhost:{_PORT}"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return port, base_url
