"""The host-key scan beside one handshake and beside `ssh-keyscan`, on a real sshd.

On this machine's own loopback a handshake costs only its cryptography; behind a relay that adds
the way to a server elsewhere, waiting shows, which is what scanning side by side saves.
"""

from __future__ import annotations

import atexit
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.measure import Case, NotAvailableError, Timed, process
from tests.testbed import programs
from tests.testbed.sshd import KeySet, Sshd

RELAY = Path(__file__).parent / "peers" / "slow_relay.py"
AWAY = 25  # milliseconds, one way
# All that ssh-keyscan can be asked for; of several ECDSA keys it prints one.
TYPES = "rsa,ecdsa,ed25519"


class Place:
    """One sshd with every key type, near (loopback) and far (behind the relay)."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._port = 0
        self._far = 0

    def port(self, *, far: bool) -> int:
        """Where it listens; started when first asked for."""
        if not self._port:
            try:
                program = programs.sshd()
            except programs.MissingError as error:
                raise NotAvailableError(str(error)) from None
            keys = KeySet.made(self._scratch / "host-keys")
            names = ("ssh-ed25519", "ssh-rsa", *(f"ecdsa-sha2-nistp{n}" for n in (256, 384, 521)))
            server = Sshd(program, [keys.file(name) for name in names])
            atexit.register(server.stop)
            server.start()
            self._port = server.port
        if far and not self._far:
            words = [sys.executable, str(RELAY), str(self._port), str(AWAY)]
            relay = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
            atexit.register(relay.kill)
            assert relay.stdout is not None
            self._far = int(relay.stdout.readline())
        return self._far if far else self._port


def our_scan(port: int) -> Timed:
    """Every key of the server, side by side."""
    from wizard.clients.ssh.scan import scan_host_keys

    def timed() -> float:
        started = time.perf_counter()
        found = scan_host_keys("127.0.0.1", port)
        seconds = time.perf_counter() - started
        if len(found.keys) != 5:
            raise NotAvailableError(f"{len(found.keys)} of 5 keys: {found.problem}")
        return seconds

    return timed


def one_handshake(port: int) -> Timed:
    """A single connection for a single key, as plain paramiko makes it."""
    import paramiko

    def timed() -> float:
        started = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            transport = paramiko.Transport(connection)
            transport.get_security_options().key_types = ("ssh-ed25519",)
            transport.start_client(timeout=10)
            transport.get_remote_server_key()
            seconds = time.perf_counter() - started
            transport.close()
        return seconds

    return timed


def keyscan(port: int) -> Timed:
    """`ssh-keyscan` of all types it knows."""
    program = shutil.which("ssh-keyscan")
    if program is None:
        raise NotAvailableError("ssh-keyscan is not installed")
    return process([program, "-p", str(port), "-t", TYPES, "127.0.0.1"], Path.cwd())


def scan_cases(scratch: Path) -> list[Case]:
    """Near and far, against one handshake and against ssh-keyscan."""
    place = Place(scratch)
    found = []
    for far, handshake, ssh in ((True, 1.6, 1), (False, 3, 1)):
        what = "host-key scan, " + (f"{2 * AWAY} ms away" if far else "loopback")

        def ours(far: bool = far) -> Timed:
            return our_scan(place.port(far=far))

        def one(far: bool = far) -> Timed:
            return one_handshake(place.port(far=far))

        def other(far: bool = far) -> Timed:
            return keyscan(place.port(far=far))

        found += [
            Case(what, "one handshake", handshake, ours, one),
            Case(what, "ssh-keyscan", ssh, ours, other),
        ]
    return found
