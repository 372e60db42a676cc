"""Scans host keys over the network."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from wizard.clients.ssh.sshfp import start_lookup
from wizard.hostkeys.keys import known_hosts_name
from wizard.hostkeys.scan import Scan, Scanner


@lru_cache(maxsize=256)
def _scan_once(host: str, port: int) -> Scan:
    from wizard.clients.ssh.scan import scan_host_keys

    return scan_host_keys(host, port)


def make_network_scanner(say: Callable[[str], None]) -> Scanner:
    """Return the command line's scanner, which scans each host once per run and announces it.

    Hints from DNS (SSHFP) are printed, but have no effect.
    """

    def ask(host: str, port: int) -> Scan:
        say(f"asking {known_hosts_name(host, port)} for its SSH host keys")
        beside = start_lookup(host)
        scan = _scan_once(host, port)
        if hint := beside.hint(scan.keys):
            say(f"{scan.name}: {hint}")
        return scan

    return ask
