"""Scanning host keys of real servers: what is found, and every way in which nothing is."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.testbed.fixtures import StartSshd
from tests.testbed.peers import (
    Handler,
    connect_proxy,
    dripping,
    endless,
    peer,
    pretending,
    saying,
    web_server,
)
from tests.testbed.sshd import KINDS, KeySet, free_port
from wizard.clients.ssh.scan import JumpHost, Proxy, scan_host_keys
from wizard.errors import WizardError
from wizard.hostkeys.keys import ACCEPTED_TYPES, parse_host_keys
from wizard.hostkeys.scan import Scan

pytestmark = pytest.mark.integration

SHORT = 0.4
BANNER = b"SSH-2.0-Scripted_1.0\r\n"


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """No scan logs or prints anything, whatever happens in its threads."""
    yield
    assert caplog.text == ""
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def one_problem(found: Scan) -> str:
    """The reason why there is no key at all, the same for every type."""
    assert found.keys == ()
    assert set(found.problems) == set(ACCEPTED_TYPES)
    assert set(found.problems.values()) == {found.problem}
    assert found.notes == (f"{found.name} could not be scanned: {found.problem}",)
    return found.problem


def test_every_key_is_found_with_one_connection_a_type(
    sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    server = sshd()
    found = scan_host_keys("127.0.0.1", server.port)
    assert [key.type for key in found.keys] == list(ACCEPTED_TYPES)
    assert set(found.keys) == {host_key_sets[0].public(kind) for kind in KINDS}
    assert (found.missing, found.problems, found.problem, found.notes) == ((), {}, "", ())
    assert server.connections == len(ACCEPTED_TYPES)
    log = server.log.read_text()
    assert "Accepted" not in log
    assert "Failed" not in log


def test_ssh_keyscan_prints_the_same_keys_but_not_all_of_them(sshd: StartSshd) -> None:
    server = sshd()
    command = ["ssh-keyscan", "-T", "20", "-p", str(server.port), server.host]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    printed = set(parse_host_keys(done.stdout, host=server.host, port=server.port))
    left_out = set(scan_host_keys(server.host, server.port).keys) - printed
    assert {key.type for key in printed} == {"ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"}
    assert {key.type for key in left_out} == {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"}


def test_a_server_with_some_types_lacks_the_others(
    sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    server = sshd("ssh-rsa", "ecdsa-sha2-nistp384")
    found = scan_host_keys("127.0.0.1", server.port)
    assert {key.type for key in found.keys} == {"ssh-rsa", "ecdsa-sha2-nistp384"}
    assert set(found.missing) == set(ACCEPTED_TYPES) - {"ssh-rsa", "ecdsa-sha2-nistp384"}
    assert found.notes == ()
    assert server.connections == len(ACCEPTED_TYPES)


def test_a_certificate_does_not_hide_the_key_it_certifies(
    sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    honest = host_key_sets[0]
    certificate = honest.certificate("ssh-ed25519", "127.0.0.1")
    server = sshd("ssh-ed25519", HostCertificate=str(certificate))
    found = scan_host_keys("127.0.0.1", server.port)
    assert found.keys == (honest.public("ssh-ed25519"),)
    assert len(found.missing) == 4


def test_ipv6(sshd: StartSshd) -> None:
    try:
        free_port("::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    server = sshd(host="::1")
    found = scan_host_keys("::1", server.port)
    assert len(found.keys) == len(ACCEPTED_TYPES)
    assert found.name == f"[::1]:{server.port}"


def test_a_name_with_a_dead_first_address_is_scanned_at_the_next(
    sshd: StartSshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = sshd()
    asked = []

    def both(host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
        return [(*kind, ("127.0.0.2", port)), (*kind, ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    assert len(scan_host_keys("git.example.com", server.port).keys) == len(ACCEPTED_TYPES)
    # Once for all connections: another answer might be another server.
    assert asked == ["git.example.com"]


def test_connections_that_the_server_dropped_are_tried_again(sshd: StartSshd) -> None:
    server = sshd(MaxStartups="1")
    found = scan_host_keys("127.0.0.1", server.port, timeout=20)
    assert len(found.keys) == len(ACCEPTED_TYPES), (found.problems, server.log.read_text())


def test_sha1_signatures_are_not_accepted(sshd: StartSshd) -> None:
    server = sshd("ssh-rsa", HostKeyAlgorithms="ssh-rsa")
    found = scan_host_keys("127.0.0.1", server.port)
    assert found.keys == ()
    assert found.missing == ACCEPTED_TYPES
    assert "SHA-1" in found.problem
    assert "paste the key" in found.problem


def test_a_server_without_a_common_method_is_told_apart(sshd: StartSshd) -> None:
    server = sshd("ssh-ed25519", Ciphers="chacha20-poly1305@openssh.com")
    found = scan_host_keys("127.0.0.1", server.port)
    assert found.keys == ()
    assert found.problems == {"ssh-ed25519": found.problem}
    assert "no method" in found.problem
    assert len(found.missing) == 4


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        (saying(), f"sends nothing within {SHORT} s"),
        (saying(wait=False), "closes the connection at once"),
        (saying(b"\x16\x03\x01 welcome\n" * 5, wait=False), "the server does not speak SSH"),
        (saying(b"220 mail.example.com ESMTP\r\n"), "the server does not speak SSH"),
        (saying(b"SSH-1.5-Old\r\n"), "only SSH 1"),
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "web server"),
        (saying(b"Not allowed at this time\r\n", wait=False), "no more connections"),
        (saying(BANNER), f"did not finish it within {SHORT} s"),
        (saying(b"hello\r\n" + BANNER, wait=False), "closes the connection during"),
        (saying(BANNER, b"\x00\x00\x00\x20\x04\x14" + b"\xff" * 64), "SSH handshake"),
        (saying(BANNER, b"\xff" * 4096), "SSH handshake"),
        (endless, "the server does not speak SSH"),
        (dripping, "the server does not speak SSH"),
    ],
    ids=["silent", "closes", "garbage", "mail", "ssh1", "http", "busy", "stalls", "leaves",
         "no-kexinit", "wrong-length", "endless", "drips"],
)  # fmt: skip
def test_peers_that_are_no_ssh_server_are_named(handle: Handler, words: str) -> None:
    before = set(threading.enumerate())
    with peer(handle) as server:
        found = scan_host_keys("127.0.0.1", server.port, timeout=SHORT)
        assert words in one_problem(found)
        # Only who asks for patience is asked again.
        asked_again = server.connections > len(ACCEPTED_TYPES)
        assert asked_again == ("no more connections" in words)
    assert all(one.daemon for one in set(threading.enumerate()) - before)


def test_a_key_that_the_peer_does_not_hold_is_not_returned(
    host_key_sets: tuple[KeySet, KeySet],
) -> None:
    """Anybody can show a public key; only the signature tells who has the private one."""
    honest, other = host_key_sets
    shown, own = honest.public("ssh-ed25519"), other.file("ssh-ed25519")
    with peer(pretending(shown, own)) as server:
        found = scan_host_keys("127.0.0.1", server.port)
    assert found.keys == ()
    assert "did not prove" in found.problems["ssh-ed25519"]
    assert set(found.missing) == set(ACCEPTED_TYPES) - {"ssh-ed25519"}
    with peer(pretending(other.public("ssh-ed25519"), own)) as server:
        assert scan_host_keys("127.0.0.1", server.port).keys == (other.public("ssh-ed25519"),)


def test_a_web_server_is_named() -> None:
    with web_server() as port:
        assert "web server" in one_problem(scan_host_keys("127.0.0.1", port, timeout=5))


def test_a_port_that_nobody_listens_on() -> None:
    port = free_port("127.0.0.1")
    assert (
        one_problem(scan_host_keys("127.0.0.1", port)) == f"it refuses connections to port {port}"
    )


def test_a_host_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    with listener:
        port = listener.getsockname()[1]
        # The queue of one is taken, so that the kernel answers no further connection.
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        problem = one_problem(scan_host_keys("127.0.0.1", port, timeout=SHORT))
        for one in waiting:
            one.close()
    assert f"within {SHORT} s" in problem
    assert "no connection" in problem or "does not answer" in problem


def test_a_name_that_is_not_found() -> None:
    # RFC 6761: .invalid never resolves, and no query for it has to leave the machine.
    problem = one_problem(scan_host_keys("git.invalid", 22))
    assert problem.startswith("its name")


def test_a_name_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()

    def hanging(*_: object, **__: object) -> list[object]:
        never.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    problem = one_problem(scan_host_keys("git.example.com", 22, timeout=0.1))
    never.set()
    assert "name could not be resolved" in problem


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "a b", "git.example.com\n", "*", "", "ä.de"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(WizardError, match="host"):
        scan_host_keys(host, 22)


def test_leaving_does_not_wait_for_a_hanging_scan() -> None:
    """The process ends while the scan still waits: its threads are daemons."""
    program = (
        "import os, signal, sys, threading\n"
        "from wizard.clients.ssh.scan import scan_host_keys\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try:\n    scan_host_keys('127.0.0.1', int(sys.argv[1]), timeout=300)\n"
        "except KeyboardInterrupt:\n    print('left')\n"
    )
    with peer(saying()) as server:
        done = subprocess.run(
            [sys.executable, "-c", program, str(server.port)],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "left\n", "")


def test_through_an_http_proxy(sshd: StartSshd) -> None:
    server = sshd()
    with connect_proxy() as proxy:
        found = scan_host_keys("127.0.0.1", server.port, via=Proxy("127.0.0.1", proxy.port))
        assert len(found.keys) == len(ACCEPTED_TYPES), found.problems
        assert proxy.asked == [f"127.0.0.1:{server.port}"] * len(ACCEPTED_TYPES)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "refuses the connection (403)"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "(407)"),
        (b"SOCKS5?\r\n\r\n", "(no HTTP)"),
        (b"HTTP/1.1 2\xff0 OK\r\n\r\n", "(no HTTP)"),
    ],
)
def test_a_proxy_that_refuses_is_named(answer: bytes, words: str) -> None:
    with connect_proxy(refuse=answer) as proxy:
        found = scan_host_keys("git.invalid", 22, via=Proxy("127.0.0.1", proxy.port))
        problem = one_problem(found)
    assert words in problem
    assert f"the proxy 127.0.0.1:{proxy.port}" in problem


def test_a_proxy_that_is_not_there_or_silent() -> None:
    port = free_port("127.0.0.1")
    problem = one_problem(scan_host_keys("git.invalid", 22, via=Proxy("127.0.0.1", port)))
    assert problem == f"the proxy 127.0.0.1:{port}: it refuses connections to port {port}"
    with peer(saying()) as silent:
        found = scan_host_keys(
            "git.invalid", 22, via=Proxy("127.0.0.1", silent.port), timeout=SHORT
        )
        assert f"does not answer within {SHORT} s" in one_problem(found)


def jump_to(
    sshd: StartSshd,
    pins: KeySet,
    *kinds: str,
    identity: Path | None = None,
    forwarding: str = "yes",
) -> JumpHost:
    server = sshd(AllowTcpForwarding=forwarding)
    keys = tuple(pins.public(kind) for kind in kinds or KINDS)
    return JumpHost(server.host, server.port, server.user, keys, identity or server.identity)


@pytest.mark.parametrize("pinned", [tuple(KINDS), ("ssh-rsa",), ("ecdsa-sha2-nistp521",)])
def test_through_a_pinned_jump_host(
    sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet], pinned: tuple[str, ...]
) -> None:
    honest, other = host_key_sets
    server = sshd(keys=other)
    found = scan_host_keys("127.0.0.1", server.port, via=jump_to(sshd, honest, *pinned), timeout=15)
    assert set(found.keys) == {other.public(kind) for kind in KINDS}, found.problems


def test_a_jump_host_with_another_key_is_refused(
    sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    honest, other = host_key_sets
    server = sshd(keys=other)
    jump = jump_to(sshd, other)
    problem = one_problem(scan_host_keys("127.0.0.1", server.port, via=jump, timeout=15))
    assert "not the pinned one" in problem
    assert honest.public("ssh-ed25519").fingerprint in problem
    assert other.public("ssh-ed25519").fingerprint in problem
    assert server.connections == 0


def test_a_jump_host_without_pins_is_refused(sshd: StartSshd) -> None:
    jump = sshd()
    way = JumpHost(jump.host, jump.port, jump.user, (), jump.identity)
    problem = one_problem(scan_host_keys("git.invalid", 22, via=way, timeout=15))
    assert "pinned" in problem
    assert "Accepted" not in jump.log.read_text()


def test_a_jump_host_that_lets_nobody_in_or_through(
    sshd: StartSshd, host_key_sets: tuple[KeySet, KeySet]
) -> None:
    honest, other = host_key_sets
    stranger = jump_to(sshd, honest, identity=other.file("ssh-ed25519"))
    problem = one_problem(scan_host_keys("git.invalid", 22, via=stranger, timeout=15))
    assert "the login was refused" in problem
    closed = jump_to(sshd, honest, forwarding="no")
    problem = one_problem(scan_host_keys("127.0.0.1", 1, via=closed, timeout=15))
    assert "forwarding is not allowed" in problem
    way = jump_to(sshd, honest)
    port = free_port("127.0.0.1")
    problem = one_problem(scan_host_keys("127.0.0.1", port, via=way, timeout=15))
    assert "cannot connect" in problem
