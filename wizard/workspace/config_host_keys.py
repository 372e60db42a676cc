"""The verified SSH host keys of the config repository.

Two kinds of keys are used: keys that were verified for the DAGs repository, if its host and port
are the same, and keys that the host's publisher lists (see `wizard.hostkeys.trust`). No key is
trusted on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.registry import delivery_kind
from wizard.formats.addresses import parse_git_url
from wizard.hostkeys.keys import HostKey, known_hosts_name
from wizard.hostkeys.trust import format_known_hosts, judge_host_keys, published_entries

if TYPE_CHECKING:
    from wizard.answers.model import Answers


def verified_known_hosts(answers: Answers) -> str:
    """Return known_hosts lines for the host that Argo CD reads from; empty if none is verified."""
    url = _source_url(answers)
    location = parse_git_url(url) if url else None
    if location is None or location.scheme != "ssh":
        return ""
    host, port = location.host, location.port
    dags = answers.dags.location
    if dags is not None and answers.dags.own_known_hosts and (dags.host, dags.port) == (host, port):
        return answers.dags.own_known_hosts
    # This evidence is not recorded, so it needs neither the name of a person nor a date.
    verdict = judge_host_keys(
        published_entries(host, port), host=host, port=port, typed=(), committed=(), by="", date=""
    )
    return format_known_hosts(verdict.accepted, port=port) if verdict.accepted else ""


def verified_host_keys(answers: Answers) -> tuple[HostKey, ...]:
    """Return the host keys of `verified_known_hosts`."""
    location = parse_git_url(_source_url(answers))
    name = known_hosts_name(location.host, location.port)
    rows = [line.split() for line in verified_known_hosts(answers).splitlines()]
    return tuple(HostKey(kind, key) for host, kind, key in rows if host == name)


def _source_url(answers: Answers) -> str:
    return delivery_kind(answers.delivery.kind).source_url(answers.delivery)
