"""Scanning host keys of real servers: what is found, and every way in which nothing is."""

from __future__ import annotations

import pytest

from tests.testbed.fixtures import StartSshd
from tests.testbed.sshd import KINDS, KeySet
from wizard.backends.ssh import scan
from wizard.hostkeys import ACCEPTED_TYPES

pytestmark = pytest.mark.integration


def test_every_key_is_found_with_one_connection_a_type(
    sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    server = sshd()
    found = scan("127.0.0.1", server.port)
    assert [key.type for key in found.keys] == list(ACCEPTED_TYPES)
    assert set(found.keys) == {host_key_sets[0].public(kind) for kind in KINDS}
    assert (found.missing, found.problems, found.problem) == ((), {}, "")
    assert server.connections == len(ACCEPTED_TYPES)
    assert "Accepted" not in server.log.read_text()
    assert "Failed" not in server.log.read_text()
