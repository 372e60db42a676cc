"""The probe of the Git host's keys: the host must still present the verified keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.engine.probes import (
    Probe,
    ProbeResult,
    fail_result,
    pass_result,
    unknown_result,
    warn_result,
    wrap_blocking,
)
from wizard.hostkeys.keys import HostKey, known_hosts_name
from wizard.hostkeys.published import published_keys, retired_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wizard.hostkeys.scan import Scan, Scanner

SECONDS = 8.0
HOST_KEY_HINT = (
    "ask the host's owner whether the key was changed; only then plan again with the new "
    "fingerprint: --host-key-fingerprint SHA256:..."
)
# For a host with published keys, no typed fingerprint is accepted.
PUBLISHED_KEY_HINT = (
    "ask the host's owner whether the key was changed; if so, update airflow-wizard, or have Argo "
    "CD's administrator verify the key until an update lists it"
)


def host_keys_probe(
    host: str,
    port: int,
    recorded: Sequence[HostKey],
    scanner: Scanner,
    id: str = "dags.host_keys",  # noqa: A002
    fix: str = HOST_KEY_HINT,
    question: str = "dags.host_keys",
) -> Probe:
    """Return the probe that compares the host's keys with the recorded ones.

    `fix` is the hint when the keys differ.
    """
    return Probe(
        id,
        "Git host: keys",
        known_hosts_name(host, port),
        wrap_blocking(lambda: compare_host_keys(scanner(host, port), recorded, fix)),
        SECONDS,
        question,
        proves_peer=True,
    )


def compare_host_keys(
    scan: Scan, recorded: Sequence[HostKey], fix: str = HOST_KEY_HINT
) -> ProbeResult:
    """Compare a scan with the keys that known_hosts will contain."""
    if scan.problem:
        return unknown_result(scan.problem, "try again from a machine that can reach the host")
    shown = {key.type: key for key in scan.keys}
    for key in scan.keys:
        reason = retired_reason(key.fingerprint)
        if reason:
            return fail_result(f"the host presents a retired {key.type} key: {reason}", fix)
    changed = [old for old in recorded if old.type in shown and shown[old.type].key != old.key]
    if changed:
        old = changed[0]
        return fail_result(
            f"the host presents a different {old.type} key: {shown[old.type].fingerprint} instead "
            f"of {old.fingerprint}",
            fix,
        )
    known = {one.key.fingerprint for one in published_keys(scan.host, scan.port)}
    unlisted = [key for key in scan.keys if known and key.fingerprint not in known]
    if unlisted:
        return fail_result(
            f"the host presents a {unlisted[0].type} key that its publisher does not list: "
            f"{unlisted[0].fingerprint}",
            fix,
        )
    kept = [key.type for key in recorded if key.type in shown]
    if not kept:
        return fail_result(
            f"the host presents none of the recorded keys; it has {', '.join(shown) or 'none'}", fix
        )
    gone = [key.type for key in recorded if key.type not in shown]
    if gone:
        why = "; ".join(scan.problems.get(kind, "not offered") for kind in gone)
        return warn_result(f"{', '.join(kept)} as recorded; {', '.join(gone)}: {why}")
    return pass_result(f"{', '.join(kept)} as recorded")
