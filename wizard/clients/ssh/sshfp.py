"""SSHFP records of a host's SSH keys in DNS (RFC 4255, 7479): a hint for people, never evidence.

The module returns only sentences, so that no code can use them as evidence. It needs the optional
library dnspython. The hint is empty without this library, for a host without SSHFP records, for an
IP address, and when no answer comes in time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dns.resolver import Resolver

    from wizard.hostkeys.keys import HostKey

SECONDS = 1.5
_SHA256 = 2
# The SSHFP algorithm numbers of OpenSSH's key types.
_ALGORITHMS = {"ssh-rsa": 1, "ecdsa": 3, "ssh-ed25519": 4}


@dataclass(frozen=True, slots=True)
class _Records:
    """SHA-256 digests by algorithm, and whether the resolver reports them as DNSSEC-validated."""

    digests: dict[int, frozenset[bytes]]
    validated: bool


class SshfpLookup:
    """A DNS query that runs in parallel with a scan; the wizard's exit does not wait for it."""

    def __init__(self, host: str) -> None:
        self._found: _Records | None = None
        self._until = time.monotonic() + SECONDS
        self._thread = threading.Thread(target=self._ask, args=(host,), name="sshfp", daemon=True)
        self._thread.start()

    def _ask(self, host: str) -> None:
        self._found = _fetch_records(host)

    def hint(self, keys: Sequence[HostKey]) -> str:
        """Return a sentence about these keys; empty without records or without a timely answer."""
        self._thread.join(max(0.0, self._until - time.monotonic()))
        return _compare_keys(self._found, keys) if self._found and keys else ""


@lru_cache(maxsize=256)
def start_lookup(host: str) -> SshfpLookup:
    """Start the query; a host is queried once per run."""
    return SshfpLookup(host)


def _fetch_records(host: str) -> _Records | None:
    """Return the host's records; None if there are none, or on any failure."""
    if ":" in host or not host.strip("0123456789.") or "." not in host:
        return None
    try:
        import dns.flags
    except ImportError:
        return None
    try:
        answer = _resolver().resolve(f"{host}.", "SSHFP", search=False, lifetime=SECONDS)
        found: dict[int, set[bytes]] = {}
        for one in answer:
            if one.fp_type == _SHA256:
                found.setdefault(one.algorithm, set()).add(one.fingerprint)
        digests = {number: frozenset(these) for number, these in found.items()}
        return _Records(digests, bool(answer.response.flags & dns.flags.AD))
    except Exception:
        # No record, no name server or an invalid answer: a mere hint is not worth an error.
        return None


def _resolver() -> Resolver:
    """Return this machine's resolver, set to request the DNSSEC result."""
    import dns.flags
    import dns.resolver

    found = dns.resolver.Resolver()
    found.flags = dns.flags.RD | dns.flags.AD
    return found


def _compare_keys(records: _Records, keys: Sequence[HostKey]) -> str:
    import base64
    import hashlib

    same: list[str] = []
    other: list[str] = []
    for key in keys:
        algorithm = _ALGORITHMS.get("ecdsa" if key.type.startswith("ecdsa") else key.type, 0)
        known = records.digests.get(algorithm)
        if known:
            digest = hashlib.sha256(base64.b64decode(key.key)).digest()
            (same if digest in known else other).append(key.type)
    hints = [f"DNS (SSHFP) has the same {', '.join(same)}"] if same else []
    hints += [f"DNS (SSHFP) has a DIFFERENT {', '.join(other)}: ask the host's owner"] * bool(other)
    if not hints:
        return ""
    proof = "validated by DNSSEC, says your resolver" if records.validated else "without DNSSEC"
    return f"{'; '.join(hints)} (a hint only, {proof})"
