"""How the screens look outside; a test puts another scanner or connector in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.probes import ProbeResult
    from wizard.scanning import Scan


def ask_host(host: str, port: int) -> Scan:
    """The SSH host keys that a host shows; blocking, over after seconds. See `wizard.scanning`."""
    from wizard.backends.ssh import scan

    return scan(host, port)


def reach_host(host: str, port: int) -> ProbeResult:
    """Whether a name resolves and a port answers; blocking, over after seconds."""
    from wizard.live.network import reach

    return reach(host, port)
