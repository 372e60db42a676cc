"""SSHFP records: told as a hint, from a name server on loopback, and nothing else follows."""

from __future__ import annotations

import ast
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.resolver import Resolver

from tests.support.cli import Wizard as Command
from tests.support.cli import answers_file, aw
from tests.support.paths import TOP
from tests.testbed.sshd import KeySet
from wizard.clients.ssh import scanner, sshfp
from wizard.hostkeys.keys import HostKey
from wizard.hostkeys.scan import Scan

__all__ = ["aw"]

HOST = "git.example.com"
SRC = TOP / "wizard"
Answer = Callable[[dns.message.Message], "dns.message.Message | bytes | None"]


@contextmanager
def name_server(answer: Answer) -> Iterator[tuple[Resolver, list[str]]]:
    """A resolver of a scripted name server, and the questions that reached it."""
    asked: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                data, peer = server.recvfrom(4096)
                if not data:
                    return
                query = dns.message.from_wire(data)
                asked.append(str(query.question[0]))
                reply = answer(query)
                if reply is not None:
                    wire = reply if isinstance(reply, bytes) else reply.to_wire()
                    server.sendto(wire, peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        found = Resolver(configure=False)
        found.nameservers, found.port = ["127.0.0.1"], server.getsockname()[1]
        found.flags = dns.flags.RD | dns.flags.AD
        try:
            yield found, asked
        finally:
            server.sendto(b"", server.getsockname())
            thread.join(5)


def records(*keys: Path, validated: bool = False) -> Answer:
    """Answers with what `ssh-keygen -r` prints of these keys."""
    texts = []
    for key in keys:
        printed = subprocess.run(
            ["ssh-keygen", "-r", HOST, "-f", key], capture_output=True, text=True, check=True
        ).stdout
        texts += [line.split("SSHFP ")[1] for line in printed.splitlines()]

    def answer(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        if texts:
            reply.answer = [dns.rrset.from_text(f"{HOST}.", 60, "IN", "SSHFP", *texts)]
        reply.flags |= dns.flags.RA | (dns.flags.AD if validated else 0)
        return reply

    return answer


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    def hint(answer: Answer, *keys: HostKey, host: str = HOST) -> str:
        with name_server(answer) as (resolver, _):
            monkeypatch.setattr(sshfp, "_resolver", lambda: resolver)
            return sshfp.SshfpLookup(host).hint(keys)

    return hint


def test_what_dns_says_is_told_with_what_it_is_worth(
    ask: Callable[..., str], host_key_sets: tuple[KeySet, KeySet]
) -> None:
    ours, theirs = host_key_sets
    files = [ours.file("ssh-ed25519"), ours.file("ecdsa-sha2-nistp256"), ours.file("ssh-rsa")]
    keys = [ours.public(path.name) for path in files]
    assert ask(records(*files), *keys) == (
        "DNS (SSHFP) has the same ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa "
        "(a hint only, without DNSSEC)"
    )
    proven = ask(records(*files, validated=True), keys[0])
    assert proven.endswith("(a hint only, validated by DNSSEC, says your resolver)")
    mixed = ask(records(*files), keys[0], theirs.public("ssh-rsa"))
    assert "has the same ssh-ed25519; DNS (SSHFP) has a DIFFERENT ssh-rsa: ask" in mixed
    # Nothing is said of a type that DNS says nothing of.
    assert "rsa" not in ask(records(files[0]), keys[0], keys[2])


def test_whatever_goes_wrong_is_silent_and_short(
    ask: Callable[..., str],
    host_key_sets: tuple[KeySet, KeySet],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = host_key_sets[0].public("ssh-ed25519")
    monkeypatch.setattr(sshfp, "SECONDS", 0.3)

    def refusing(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply

    for answer in (records(), refusing, lambda _: b"\x00garbage", lambda _: None):
        assert ask(answer, key) == ""
    with name_server(lambda _: None) as (resolver, asked):
        monkeypatch.setattr(sshfp, "_resolver", lambda: resolver)
        for host in ("192.0.2.1", "2001:db8::1", "localhost"):
            assert sshfp.SshfpLookup(host).hint([key]) == ""
        assert asked == []
    monkeypatch.setitem(sys.modules, "dns.flags", None)
    assert sshfp.SshfpLookup(HOST).hint([key]) == ""


def test_a_silent_name_server_keeps_nobody(
    host_key_sets: tuple[KeySet, KeySet], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(sshfp, "SECONDS", 0.1)
    monkeypatch.setattr(sshfp, "_resolver", lambda: release.wait(30))
    look = sshfp.SshfpLookup(HOST)
    start = time.monotonic()
    assert look.hint([host_key_sets[0].public("ssh-ed25519")]) == ""
    # The question is still under way, in a thread that nobody waits for.
    assert look._thread.is_alive()
    assert look._thread.daemon
    assert time.monotonic() - start < 5
    release.set()
    look._thread.join(5)


def test_dns_is_no_evidence(
    aw: Command,
    tmp_path: Path,
    host_key_sets: tuple[KeySet, KeySet],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = host_key_sets[0].public("ssh-ed25519")
    changes = {"dags.repo": f"ssh://git@{HOST}/a/dags.git", "dags.host_keys": []}
    file = str(answers_file(tmp_path / "answers.yaml", changes))
    monkeypatch.setattr(scanner, "_scan_once", lambda host, port: Scan(host, port, (key,)))
    sshfp.start_lookup.cache_clear()
    answer = records(host_key_sets[0].file("ssh-ed25519"), validated=True)
    with name_server(answer) as (resolver, asked):
        monkeypatch.setattr(sshfp, "_resolver", lambda: resolver)
        done = aw("commit", "--answers", file, "--yes")
        assert f"{HOST}: DNS (SSHFP) has the same ssh-ed25519 (a hint only, validated" in done.err
        assert done.code == 4
        assert "nothing proves that this key is the host's" in done.err
        aw.ok("plan", "--answers", file, "--host-key-fingerprint", key.fingerprint)
        assert len(asked) == 1
    sshfp.start_lookup.cache_clear()


def test_no_module_that_judges_keys_can_reach_it() -> None:
    users = set()
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            names = [alias.name for alias in node.names]
            module = getattr(node, "module", "") or ""
            if any(name.endswith("sshfp") for name in (module, *names)):
                users.add(path.relative_to(SRC).as_posix())
    # Its scanner only says the sentence; what it returns is the scan alone.
    assert users == {"clients/ssh/scanner.py"}
