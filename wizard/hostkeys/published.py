"""Loads shipped data: host keys that their publishers list, and keys that were retired.

Only tests/tools/published_host_keys.py writes `published_host_keys.json`. Every key is hashed again
when the file is loaded, so a file that was edited by hand does not load.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from wizard.hostkeys.keys import HostKey, known_hosts_name

_DATA = Path(__file__).with_name("published_host_keys.json")


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key of a public Git host, and the publisher's page that lists it."""

    name: str
    key: HostKey
    source: str


@dataclass(frozen=True, slots=True)
class _Published:
    hosts: dict[str, tuple[PublishedKey, ...]]
    retired: dict[str, str]


@functools.cache
def _load() -> _Published:
    import json

    data = json.loads(_DATA.read_text(encoding="utf-8"))
    hosts: dict[str, tuple[PublishedKey, ...]] = {}
    for entry in data["published"]:
        key = HostKey(entry["type"], entry["key"])
        name = known_hosts_name(entry["host"], entry["port"])
        if key.fingerprint != entry["sha256"]:
            raise ValueError(f"{_DATA.name}: the {key.type} key of {name} is not the published one")
        hosts[name] = (*hosts.get(name, ()), PublishedKey(name, key, entry["publisher"]))
    return _Published(hosts, {entry["sha256"]: entry["why"] for entry in data["retired"]})


def published_keys(host: str, port: int) -> tuple[PublishedKey, ...]:
    """Return the published keys of this host and port; empty for a host without published keys."""
    try:
        name = known_hosts_name(host, port)
    except ValueError:
        return ()
    return _load().hosts.get(name, ())


def retired_reason(fingerprint: str) -> str:
    """Return why the key with this fingerprint was retired; empty if it was not retired."""
    return _load().retired.get(fingerprint, "")
