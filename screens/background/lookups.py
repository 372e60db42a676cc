"""The default scanner and connector of the app; tests replace them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.engine.probes import ProbeResult
    from wizard.hostkeys.scan import Scan


def scan_host(host: str, port: int) -> Scan:
    """Return the SSH host keys that a host presents; blocks for a few seconds at most."""
    from wizard.clients.ssh.scan import scan_host_keys

    return scan_host_keys(host, port)


def reach_host(host: str, port: int) -> ProbeResult:
    """Resolve a name and connect to its port; blocks for a few seconds at most."""
    from wizard.systems.network import check_connection

    return check_connection(host, port)
