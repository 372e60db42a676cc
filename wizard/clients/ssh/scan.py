"""Scans all host keys of an SSH server in parallel, without logging in.

There is one connection per key type: a server shows only the requested type of key. It signs the
key exchange with that key, which proves that it has the private key. RSA is requested with both
SHA-2 signatures (the key is written as ssh-rsa); SHA-1 is not supported. Source: RFC 4253, sshd(8).
"""

from __future__ import annotations

import base64
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from wizard.clients.ssh.banner import RecordingConnection
from wizard.clients.ssh.routes import (
    Deadline,
    DirectRoute,
    JumpRoute,
    NotReachedError,
    ProxyRoute,
    Route,
)
from wizard.errors import WizardError
from wizard.hostkeys.keys import ACCEPTED_TYPES, HostKey, known_hosts_name
from wizard.hostkeys.scan import Scan

TIMEOUT_SECONDS = 5.0
_SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
# Additional seconds for a probe that timed out, so that it can still record the reason.
_GRACE = 0.25
_PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8)
_BUSY = "it accepts no more connections at the moment"
_MISSING = "the host has no key of this type"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that allows CONNECT to the host's port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class JumpHost:
    """A jump host: address, login, and its host keys, which must already be known.

    `identity` is a private key file; without one, the agent and the default files are used.
    """

    host: str
    port: int
    user: str
    keys: tuple[HostKey, ...]
    identity: Path | None = None


def scan_host_keys(
    host: str, port: int, *, timeout: float = TIMEOUT_SECONDS, via: Proxy | JumpHost | None = None
) -> Scan:
    """Return the host's keys of every accepted type, in about the time of one handshake.

    Network failures are part of the result, by key type. The scan ends after `timeout` seconds.
    Raises WizardError only for an invalid host or port. The threads are daemons and never joined,
    so a hanging host does not delay the wizard's exit.
    """
    try:
        name = known_hosts_name(host, port)
    except ValueError as error:
        raise WizardError(f"the SSH host cannot be scanned: {error}") from None
    logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)
    bare = name if port == 22 else name[1:].partition("]")[0]
    deadline = Deadline(timeout)
    route = _build_route(bare, port, via)
    probes = [_KeyTypeProbe(kind, route, deadline) for kind in ACCEPTED_TYPES]
    try:
        problem = _prepare_route(route, deadline)
        if problem:
            return Scan(
                bare, port, problems=dict.fromkeys(ACCEPTED_TYPES, problem), problem=problem
            )
        _run_probes(probes, deadline)
        _retry_dropped(probes, deadline)
        return _summarize(bare, port, probes)
    finally:
        for probe in probes:
            probe.close()
        route.close()


def _build_route(host: str, port: int, via: Proxy | JumpHost | None) -> Route:
    if isinstance(via, Proxy):
        return ProxyRoute(host, port, DirectRoute(via.host, via.port))
    if isinstance(via, JumpHost):
        jump = DirectRoute(via.host, via.port)
        return JumpRoute(host, port, jump, via.user, via.keys, via.identity)
    return DirectRoute(host, port)


def _prepare_route(route: Route, deadline: Deadline) -> str:
    """Prepare the route; return why the host cannot be reached, or an empty text."""
    done: queue.SimpleQueue[str] = queue.SimpleQueue()

    def work() -> None:
        try:
            route.prepare(deadline)
        except NotReachedError as error:
            done.put(str(error))
        except Exception as error:
            done.put(f"it could not be reached ({type(error).__name__})")
        else:
            done.put("")

    _start_thread(work)
    try:
        return done.get(timeout=deadline.left + _GRACE)
    except queue.Empty:
        return f"it could not be reached {deadline.text}: its name could not be resolved"


def _run_probes(probes: Sequence[_KeyTypeProbe], deadline: Deadline) -> None:
    """Run the probes in parallel; return when all are done or the time is up."""
    done: queue.SimpleQueue[None] = queue.SimpleQueue()
    for probe in probes:
        _start_thread(probe.work, lambda: done.put(None))
    with suppress(queue.Empty):
        for _ in probes:
            done.get(timeout=deadline.left + _GRACE)


def _retry_dropped(probes: Sequence[_KeyTypeProbe], deadline: Deadline) -> None:
    """Retry dropped probes one by one: a server may drop parallel connections (MaxStartups).

    A server that closed every connection without sending any data is not tried again.
    """
    dropped = [probe for probe in probes if probe.dropped]
    if len(dropped) == len(probes) and not any(probe.problem == _BUSY for probe in dropped):
        return
    for probe in dropped:
        for pause in _PAUSES:
            if probe.dropped and not deadline.is_over:
                time.sleep(min(pause, deadline.left))
                _run_probes([probe.again()], deadline)


def _start_thread(*work: Callable[[], None]) -> None:
    def all_of_it() -> None:
        for part in work:
            part()

    threading.Thread(target=all_of_it, daemon=True).start()


@dataclass
class _KeyTypeProbe:
    """The probe of one key type: the key that the host showed, or the failure."""

    kind: str
    route: Route
    deadline: Deadline
    key: HostKey | None = None
    problem: str = ""
    dropped: bool = False
    heard: RecordingConnection | None = field(default=None, repr=False)

    def again(self) -> _KeyTypeProbe:
        """Reset the probe so that it can run again, and return it."""
        self.close()
        self.key, self.problem, self.dropped, self.heard = None, "", False, None
        return self

    def work(self) -> None:
        """Connect and run the handshake; never raises."""
        try:
            self.heard = RecordingConnection(self.route.open(self.deadline))
            self.key = self._fetch_key(self.heard)
        except NotReachedError as error:
            self.problem = str(error)
        except ValueError as error:
            self.problem = f"its key is not accepted: {error}"
        except Exception as error:
            self.problem = self._describe_failure(error)
        finally:
            self.close()

    def _fetch_key(self, heard: RecordingConnection) -> HostKey:
        import paramiko

        transport = paramiko.Transport(heard)  # type: ignore[arg-type]
        try:
            transport.banner_timeout = transport.handshake_timeout = self.deadline.left
            wanted = _SIGNATURES.get(self.kind, (self.kind,))
            transport.get_security_options().key_types = wanted
            transport.start_client(timeout=self.deadline.left)
            if self.deadline.is_over:
                raise TimeoutError
            shown = transport.get_remote_server_key()
            return HostKey(shown.get_name(), base64.b64encode(shown.asbytes()).decode())
        finally:
            transport.close()

    def _describe_failure(self, error: Exception) -> str:
        """Return a description of the failure that takes the server's data into account."""
        heard = self.heard
        if heard is None:
            return f"it could not be reached ({type(error).__name__})"
        if not heard.is_ssh:
            return self._describe_non_ssh(heard)
        if heard.version not in {b"2.0", b"1.99"}:
            return "it supports only SSH 1"
        if (
            heard.host_key_algorithms
            and not set(_SIGNATURES.get(self.kind, (self.kind,))) & heard.host_key_algorithms
        ):
            return _MISSING
        if "ignature" in str(error):
            return (
                "it did not prove that it holds the key it shows: the connection may be intercepted"
            )
        if self.deadline.is_over:
            return f"it started the SSH handshake but did not finish it {self.deadline.text}"
        if heard.ended:
            self.dropped = not heard.host_key_algorithms
            return "it closes the connection during the SSH handshake"
        return "the SSH handshake failed: it has no method in common with this program"

    def _describe_non_ssh(self, heard: RecordingConnection) -> str:
        if heard.first.lstrip().startswith((b"HTTP/", b"<")):
            return "a web server (HTTP) answers there, not SSH"
        self.dropped = heard.ended
        if heard.first.startswith((b"Exceeded MaxStartups", b"Not allowed at this time")):
            return _BUSY
        if heard.first.strip():
            return "the server does not speak SSH"
        if heard.ended:
            return "it closes the connection at once"
        return f"it accepts the connection but sends nothing {self.deadline.text}"

    @property
    def unfinished(self) -> str:
        """Return the failure text for a probe that is still running when the time is up."""
        if self.heard is None:
            return f"no connection could be established {self.deadline.text}"
        return self._describe_failure(TimeoutError())

    def close(self) -> None:
        """Close the connection."""
        if self.heard is not None:
            with suppress(Exception):
                self.heard.close()


def _summarize(host: str, port: int, probes: Sequence[_KeyTypeProbe]) -> Scan:
    keys, missing, problems = [], [], {}
    for probe in probes:
        if probe.key is not None:
            keys.append(probe.key)
        elif probe.problem == _MISSING:
            missing.append(probe.kind)
        else:
            problems[probe.kind] = probe.problem or probe.unfinished
    problem = ""
    if not keys:
        offered = set().union(*(probe.heard.host_key_algorithms for probe in probes if probe.heard))
        reasons = list(dict.fromkeys(problems.values())) or [_explain_no_key(offered)]
        problem = "; ".join(reasons)
    return Scan(host, port, tuple(keys), tuple(missing), problems, problem)


def _explain_no_key(offered: set[str]) -> str:
    if "ssh-rsa" in offered:
        return (
            "it offers its RSA key only with SHA-1 signatures (ssh-rsa), which are not accepted; "
            "paste the key that its owner publishes, and ask the owner for a newer SSH server"
        )
    return "it offers no host key of an accepted type"
