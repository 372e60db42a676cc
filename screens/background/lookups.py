"""How the screens look outside; a test puts another scanner or connector in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.engine.probes import ProbeResult
    from wizard.hostkeys.scan import Scan


def scan_host(host: str, port: int) -> Scan:
    """Return the SSH host keys that a host shows; blocks for a few seconds at most."""
    from wizard.clients.ssh.scan import scan_host_keys

    return scan_host_keys(host, port)


def reach_host(host: str, port: int) -> ProbeResult:
    """Whether a name resolves and a port answers; blocking, over after seconds."""
    from wizard.systems.network import check_connection

    return check_connection(host, port)
