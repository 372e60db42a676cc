"""The probe that resolves a name and opens a TCP connection from this machine; sends nothing."""

from __future__ import annotations

import socket
import time

from wizard.engine.probes import Probe, ProbeResult, pass_result, unknown_result, wrap_blocking

SECONDS = 5.0
_ELSEWHERE = "pods may still reach it; try again from a machine in the pods' network"


def connection_probe(
    id: str,  # noqa: A002
    purpose: str,
    host: str,
    port: int,
    question: str,
) -> Probe:
    """Return the probe of a host and port; it never fails, as pods may use another network."""
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Probe(
        id,
        f"{purpose} answers",
        shown,
        wrap_blocking(lambda: check_connection(host, port)),
        2 * SECONDS,
        question,
    )


def check_connection(host: str, port: int) -> ProbeResult:
    """Connect to the first address that answers; blocks up to the time limit."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return unknown_result(f"the name {host} does not resolve here", _ELSEWHERE, "no name")
    deadline = time.monotonic() + SECONDS
    reason, word = "no answer", "no answer"
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as attempt:
            attempt.settimeout(max(deadline - time.monotonic(), 0.1))
            try:
                attempt.connect(address)
            except TimeoutError:
                reason, word = "no answer", "no answer"
            except ConnectionRefusedError as error:
                reason, word = error.strerror or "connection refused", "closed"
            except OSError as error:
                reason, word = error.strerror or "not reachable", "no route"
            else:
                return pass_result(f"TCP connection to {address[0]}")
    count = f"{len(found)} address{'es' if len(found) > 1 else ''}"
    return unknown_result(f"{reason} ({count})", _ELSEWHERE, word)
