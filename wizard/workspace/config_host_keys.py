"""The verified SSH host keys of the config repository.

Two kinds of keys are used: keys that the answers record with evidence, for any repository at this
host and port, and keys that the host's publisher lists (see `wizard.hostkeys.trust`). No key is
trusted on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.hostkeys.keys import HostKey
from wizard.hostkeys.trust import format_known_hosts, judge_host_keys, published_entries
from wizard.workspace.git_hosts import find_config_host, recorded_known_hosts

if TYPE_CHECKING:
    from wizard.answers.model import Answers


def verified_known_hosts(answers: Answers) -> str:
    """Return known_hosts lines for the host that Argo CD reads from; empty if none is verified."""
    one = find_config_host(answers)
    if one is None:
        return ""
    if recorded := recorded_known_hosts(answers, one):
        return recorded
    # This evidence is not recorded, so it needs neither the name of a person nor a date.
    verdict = judge_host_keys(
        published_entries(one.host, one.port),
        host=one.host,
        port=one.port,
        typed=(),
        committed=(),
        by="",
        date="",
    )
    return format_known_hosts(verdict.accepted, port=one.port) if verdict.accepted else ""


def verified_host_keys(answers: Answers) -> tuple[HostKey, ...]:
    """Return the host keys of `verified_known_hosts`."""
    rows = [line.split() for line in verified_known_hosts(answers).splitlines()]
    return tuple(HostKey(kind, key) for _, kind, key in rows)
