"""The host keys that their publishers print, and the keys that were retired: shipped data.

`published_host_keys.json` is written by tests/tools/published_host_keys.py and nothing else; every
key is hashed again when it is read, so an edit of the file that a review missed does not load.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from wizard.hostkeys.keys import HostKey, known_hosts_name

_DATA = Path(__file__).with_name("published_host_keys.json")


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key of a public Git host and the address of the publisher's page that names it."""

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
            raise ValueError(f"{_DATA.name}: the {key.type} key of {name} is not the one published")
        hosts[name] = (*hosts.get(name, ()), PublishedKey(name, key, entry["publisher"]))
    return _Published(hosts, {entry["sha256"]: entry["why"] for entry in data["retired"]})


def published_keys(host: str, port: int) -> tuple[PublishedKey, ...]:
    """Every key on the list for this host and port; empty for a host that is not on it."""
    try:
        name = known_hosts_name(host, port)
    except ValueError:
        return ()
    return _load().hosts.get(name, ())


def retired_reason(fingerprint: str) -> str:
    """Why the key with this fingerprint was retired; empty when it was not."""
    return _load().retired.get(fingerprint, "")
