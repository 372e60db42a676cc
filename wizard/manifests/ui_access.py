"""How people reach the UI of an installation that nothing exposes: the runbook's section."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.formats.addresses import is_loopback

if TYPE_CHECKING:
    from wizard.manifests.release import Release

_PORT = 8080


def render_ui_access(release: Release) -> str:
    """The port-forward to the port of the base URL, and the admin's password, as Markdown."""
    web = "api-server" if release.airflow_3 else "webserver"
    namespace = release.namespace
    port, opened = _forward_target(release.base_url)
    forward = (
        f"kubectl -n {namespace} port-forward svc/{release.names.object_name(web)} {port}:{_PORT}"
    )
    text = f"## Reach the UI\n\n```bash\n{forward}\n```\n\nThen open {opened}."
    if release.admin:
        name = release.secret("default-user")
        text += (
            " The admin's password:\n\n```bash\n"
            f"kubectl -n {namespace} get secret {name} -o jsonpath='{{.data.password}}' "
            "| base64 -d\n```"
        )
    return text


def _forward_target(base_url: str) -> tuple[int, str]:
    """The port to listen on and what to open; a base URL elsewhere is not ours to forward to."""
    parts = urlsplit(base_url)
    if not is_loopback(parts.hostname or ""):
        return _PORT, f"http://localhost:{_PORT}"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return port, base_url
