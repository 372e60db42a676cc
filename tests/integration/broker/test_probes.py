"""Broker probes on a real Redis: what is right, and each way to be wrong."""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from tests.support.canary import Canary
from tests.support.certificates import Authority
from tests.support.rendered import answers
from tests.support.scripted import scripted
from tests.testbed import programs
from tests.testbed.databases import free_port
from tests.testbed.fixtures import found
from tests.testbed.redis import Redis
from wizard.clients.redis import (
    RedisError,
    RedisServer,
    RedisTarget,
    SocketClient,
    parse_broker_url,
)
from wizard.engine.probes import ProbeResult, run_probes
from wizard.plan.derive import derive_release
from wizard.probes.catalogue import probe_broker
from wizard.systems.broker import (
    broker_probes,
    check_address,
    check_login,
    check_memory,
    classify_error,
    make_broker_lookup,
)
from wizard.systems.situation import Situation

pytestmark = pytest.mark.integration

GOOD = "a-good-password-1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


def running(authority: Authority, *settings: str) -> Iterator[Redis]:
    server = Redis(found(programs.redis_server), authority, settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Redis]:
    yield from running(
        authority,
        f"requirepass {GOOD}",
        f"user celery on >{GOOD} ~* &* +@all",
        f"user narrow on >{GOOD} ~* &* +ping +select +auth",
        f"user mute on >{GOOD} ~* &* -@all +auth",
        "maxmemory-policy noeviction",
    )


@pytest.fixture(scope="module")
def careless(authority: Authority) -> Iterator[Redis]:
    """Without a password, and dropping whatever it likes when 64 MB are full."""
    yield from running(authority, "maxmemory 64mb", "maxmemory-policy allkeys-lru", "databases 4")


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts the tests' authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))


def target(url: str) -> RedisTarget:
    made = parse_broker_url(SecretStr(url))
    assert isinstance(made, RedisTarget)
    return made


def over_tls(server: Redis, user: str = "", password: str = GOOD, rest: str = "0") -> RedisTarget:
    return target(f"rediss://{user}:{quote(password, safe='')}@127.0.0.1:{server.tls}/{rest}")


async def probed(aim: RedisTarget) -> dict[str, ProbeResult]:
    probes = broker_probes(aim, make_broker_lookup(SocketClient(aim)), aim.host, aim.port)
    return {probe.id.removeprefix("broker."): result async for probe, result in run_probes(probes)}


def refused(aim: RedisTarget) -> RedisError:
    with pytest.raises(RedisError) as caught:
        SocketClient(aim).look()
    return caught.value


@pytest.mark.parametrize("user", ["", "default", "celery"])
async def test_a_good_broker_passes_everything(server: Redis, trusted: None, user: str) -> None:
    results = await probed(over_tls(server, user, rest="3"))
    assert {name: one.status for name, one in results.items()} == dict.fromkeys(
        ("address", "tls", "login", "version", "memory"), "pass"
    ), results
    assert results["login"].detail == f"{user or 'default'} at database 3"
    assert results["version"].detail.startswith("Redis ")


async def test_probes_store_nothing(server: Redis, trusted: None) -> None:
    assert SocketClient(over_tls(server)).look().logged_in
    said = ""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(f"AUTH {GOOD}\r\nINFO persistence\r\nDBSIZE\r\nQUIT\r\n".encode())
        while data := connection.recv(65536):
            said += data.decode()
    assert "rdb_changes_since_last_save:0" in said
    assert said.endswith(":0\r\n+OK\r\n")


@pytest.mark.parametrize(
    ("user", "password", "rest", "kind", "says"),
    [
        ("", "a-wrong-password", "0", "password", "WRONGPASS"),
        ("celery", "a-wrong-password", "0", "password", "WRONGPASS"),
        ("nobody", GOOD, "0", "password", "WRONGPASS"),
        ("celery", GOOD, "99", "database", "out of range"),
        ("mute", GOOD, "0", "refused", "NOPERM"),
    ],
)
async def test_each_refusal_is_a_fault_of_its_own(
    server: Redis, trusted: None, user: str, password: str, rest: str, kind: str, says: str
) -> None:
    aim = over_tls(server, user, password, rest)
    error = refused(aim)
    assert (error.kind, says in error.message, password in error.message) == (kind, True, False)
    results = await probed(aim)
    assert results["login"].status == "fail"
    assert results["login"].fix.text
    assert results["version"].detail == results["memory"].detail == "needs broker.login"


async def test_what_may_not_be_read_is_unverified(server: Redis, trusted: None) -> None:
    results = await probed(over_tls(server, "narrow"))
    assert results["login"].status == "pass"
    assert (results["version"].status, results["memory"].status) == ("unknown", "unknown")


async def test_a_careless_broker(careless: Redis, trusted: None) -> None:
    results = await probed(target(f"rediss://127.0.0.1:{careless.tls}/0"))
    assert (results["login"].status, "no password" in results["login"].detail) == ("warn", True)
    assert results["memory"].status == "warn"
    assert "allkeys-lru drops queued tasks as soon as memory is full" in results["memory"].detail
    results = await probed(over_tls(careless))
    assert results["login"].status == "fail"
    assert "has no password" in results["login"].detail
    results = await probed(target(f"redis://127.0.0.1:{careless.port}/9"))
    assert (results["tls"].status, results["login"].status) == ("warn", "fail")
    assert "database 9" in results["login"].detail


async def test_a_missing_password(server: Redis, trusted: None) -> None:
    results = await probed(target(f"rediss://127.0.0.1:{server.tls}/0"))
    assert results["login"].status == "fail"
    assert "the URL has none" in results["login"].detail


async def test_certificates_that_prove_nothing(
    server: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    aim = over_tls(server)
    (tmp_path / "none.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    results = await probed(aim)
    assert results["login"].status == "unknown"
    assert "the password was not sent" in results["login"].detail
    assert "SSL_CERT_FILE" in results["login"].fix.text
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    named = replace(aim, host="localhost")
    error = refused(named)
    assert (error.kind, "mismatch" in error.message.casefold()) == ("tls", True)
    assert classify_error(error).status == "fail"


async def test_the_wrong_scheme(
    server: Redis, trusted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear = refused(target(f"redis://:{GOOD}@127.0.0.1:{server.tls}/0"))
    assert "TLS" in clear.message
    monkeypatch.setattr("wizard.clients.redis.SECONDS", 1.0)
    tls = refused(target(f"rediss://:{GOOD}@127.0.0.1:{server.port}/0"))
    assert "TLS" in tls.message
    with scripted(lambda connection: connection.sendall(b"-ERR what is this\r\n")) as port:
        tls = refused(target(f"rediss://:{GOOD}@127.0.0.1:{port}/0"))
    assert (tls.kind, "does not support TLS" in tls.message) == ("tls", True)


def _redis(connection: socket.socket, *answers: bytes) -> list[bytes]:
    heard = []
    for answer in answers:
        heard.append(connection.recv(4096))
        connection.sendall(answer)
    return heard


async def test_a_password_is_not_sent_in_clear(canary: Canary, server: Redis) -> None:
    """Loopback does not count as another machine, so the name is one that only looks foreign."""
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        seen.extend(_redis(connection, b"-NOAUTH Authentication required.\r\n"))
        seen.append(connection.recv(4096))

    with scripted(serve) as port:
        aim = target(f"redis://:{canary.secret()}@127.0.0.1:{port}/0")
        aim = replace(aim, host=_foreign())
        results = await probed(aim)
    assert aim.private is False
    assert results["login"].status == "unknown"
    assert "never sent unencrypted" in results["login"].detail
    canary.assert_absent(*seen, str(results))
    # The TCP probe's connection says nothing, and may be heard first.
    assert {b"*1\r\n$4\r\nPING\r\n"} == set(seen) - {b""}
    # To this machine itself it is sent: a port-forward ends here.
    assert SocketClient(target(f"redis://:{GOOD}@127.0.0.1:{server.port}/0")).look().logged_in


def _foreign() -> str:
    """A name of this machine that is no loopback name; its address is."""
    name = socket.gethostname()
    try:
        reached = socket.gethostbyname(name).startswith("127.")
    except OSError:
        reached = False
    if not reached:
        pytest.skip(f"this machine's own name {name} does not lead to loopback")
    return name


@pytest.mark.parametrize(
    "answer",
    [
        b"-ERR unknown command 'AUTH', with args beginning with: '%s' \r\n",
        b"-ERR invalid password %s\r\n",
        b"-WRONGPASS %s\r\n",
        b"-%s\r\n",
    ],
)
async def test_a_server_that_quotes_the_password_is_not_repeated(
    canary: Canary, answer: bytes
) -> None:
    said = answer % canary.secret().encode()

    def serve(connection: socket.socket) -> None:
        _redis(connection, said)

    with scripted(serve) as port:
        aim = target(f"redis://:{canary.secret()}@127.0.0.1:{port}/0")
        results = await probed(aim)
    assert results["login"].status == "fail"
    canary.assert_absent(str(results), repr(aim))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "unreachable"),
        (b"-ERR max number of clients reached\r\n", "unreachable"),
        (b"-DENIED Redis is running in protected mode\r\n", "refused"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "peer"),
        (b"\x15\x03\x03\x00\x02\x02\x0a", "peer"),
        (b"x" * 10_000, "peer"),
        (b"$99999999999\r\n", "peer"),
        (b"", "unreachable"),
    ],
)
async def test_peers_that_answer_something_else(answer: bytes, kind: str) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    with scripted(serve) as port:
        assert refused(target(f"redis://127.0.0.1:{port}/0")).kind == kind


@pytest.mark.parametrize(
    ("before", "answer", "kind"),
    [
        ((), b"-LOADING %s\r\n", "unreachable"),
        ((), b"-ERR %s max number of clients\r\n", "unreachable"),
        ((), b"-DENIED %s\r\n", "refused"),
        ((), b"-%s\r\n", "refused"),
        ((), b"-MOVED 1 %s:6379\r\n", "refused"),
        ((), b"-ASK %s\r\n", "peer"),
        ((), b":%s\r\n", "peer"),
        ((), b"$%s\r\n", "peer"),
        ((), b"%s\r\n", "peer"),
        ((b"+PONG\r\n",), b"-ERR %s\r\n", "database"),
        ((b"+PONG\r\n", b"+OK\r\n"), b"$200000\r\n%s", "peer"),
    ],
)
async def test_no_word_of_the_server_is_repeated(
    canary: Canary, before: tuple[bytes, ...], answer: bytes, kind: str
) -> None:
    said = answer % canary.secret().encode()

    def serve(connection: socket.socket) -> None:
        _redis(connection, *before, said)

    with scripted(serve) as port:
        aim = target(f"redis://127.0.0.1:{port}/1")
        error = refused(aim)
        results = await probed(aim)
    assert error.kind == kind, error
    assert error.__context__ is None
    canary.assert_absent(str(error), str(results), "".join(traceback.format_exception(error)))


async def test_a_cluster_that_points_elsewhere_is_not_followed(canary: Canary) -> None:
    elsewhere: list[bytes] = []
    with scripted(lambda other: elsewhere.append(other.recv(4096))) as other:
        moved = f"-MOVED 1 127.0.0.1:{other}\r\n".encode()

        def serve(connection: socket.socket) -> None:
            _redis(connection, b"+OK\r\n", moved)

        with scripted(serve) as port:
            error = refused(target(f"redis://:{canary.secret()}@127.0.0.1:{port}/0"))
        assert (error.kind, elsewhere) == ("refused", [])


async def test_endless_answers_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte at a time is over at the deadline, a flood at the limit of what is kept."""
    monkeypatch.setattr("wizard.clients.redis.SECONDS", 1.0)
    sent = 0

    def drip(connection: socket.socket) -> None:
        connection.recv(4096)
        for _ in range(40):
            connection.sendall(b"+")
            time.sleep(0.1)

    def flood(connection: socket.socket) -> None:
        nonlocal sent
        connection.recv(4096)
        while True:
            connection.sendall(b"+" * 65536)
            sent += 65536

    def nested(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"+PONG\r\n" + b"*1\r\n" * 5000)
        connection.recv(4096)

    started = time.monotonic()
    with scripted(drip) as port:
        assert refused(target(f"redis://127.0.0.1:{port}/0")).kind == "unreachable"
    assert time.monotonic() - started < 3
    with scripted(flood) as port:
        assert refused(target(f"redis://127.0.0.1:{port}/0")).kind == "peer"
    assert sent < 16_000_000
    with scripted(nested) as port:
        assert refused(target(f"redis://127.0.0.1:{port}/0")).kind == "peer"


async def test_what_does_not_answer_is_unverified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wizard.clients.redis.SECONDS", 1.0)
    with scripted(lambda _: time.sleep(3)) as port:
        silent = await probed(target(f"redis://127.0.0.1:{port}/0"))
    closed = await probed(target(f"redis://127.0.0.1:{free_port()}/0"))
    nowhere = await probed(target("redis://no-such-name.invalid:6379/0"))
    for results in (silent, closed, nowhere):
        assert results["login"].status == "unknown", results["login"]
        assert "pods' network" in results["login"].fix.text


async def test_passwords_of_every_printable_character(
    authority: Authority, trusted: None, canary: Canary
) -> None:
    password = "".join(chr(code) for code in range(33, 127)) + "é" + canary.hostile()
    escaped = password.replace("\\", "\\\\").replace('"', '\\"')
    for server in running(authority, f'requirepass "{escaped}"'):
        results = await probed(over_tls(server, password=password))
        assert results["login"].status == "pass", results["login"]
        error = refused(over_tls(server, password=password + "x"))
        canary.assert_absent(str(results), str(error), repr(over_tls(server, password=password)))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("no url", "not a URL"),
        ("redis:/host", "not a URL"),
        ("redis://:p@ss:w/rd@host:6379/0", "encode"),
        ("redis://:pa#ss@host:6379/0", "encode"),
        ("redis://:secret@:6379/0", "no host"),
        ("redis://:secret@host:6379/zero", "database is not a number"),
        ("redis://host/0#x", "%23"),
    ],
)
def test_urls_that_cannot_be_right(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        parse_broker_url(SecretStr(url))
    assert "secret" not in str(caught.value)


def test_other_brokers_are_left_alone() -> None:
    assert parse_broker_url(SecretStr("amqp://u:p@rabbit:5672/vhost")) == "amqp"
    assert parse_broker_url(SecretStr("sentinel://a:1;sentinel://b:1")) == "several URLs"


def test_what_a_url_says() -> None:
    made = target("rediss://celery:p%40ss%2F@redis.example.internal/5?ssl_cert_reqs=CERT_NONE")
    assert (made.host, made.port, made.database, made.user) == (
        "redis.example.internal", 6379, 5, "celery",
    )  # fmt: skip
    assert made.password is not None
    assert made.password.get_secret_value() == "p@ss/"
    assert (made.tls, made.verifies_tls, made.endpoint) == (
        True,
        False,
        "redis.example.internal:6379",
    )
    assert "p@ss" not in repr(made)


async def test_the_source_reads_the_url_late_and_names_what_is_wrong(
    server: Redis, trusted: None, monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    given = answers("production", {"broker.kind": "external", "broker.host": "redis.invalid"})
    start = Situation(given, derive_release(given), allowed=frozenset({"broker.url"}))

    async def ended() -> dict[str, ProbeResult]:
        return {one.id: result async for one, result in run_probes(probe_broker(start))}

    assert (await ended())["broker.login"].status == "unknown"
    monkeypatch.setenv("BROKER_URL", f"rediss://:{GOOD}@127.0.0.1:{server.tls}/0")
    results = await ended()
    assert results["broker.login"].status == "pass"
    assert results["broker.address"].status == "fail"
    assert results["broker.reachable"].status == "unknown"
    monkeypatch.setenv("BROKER_URL", f"redis://:{canary.secret()}@h:6379/x")
    results = await ended()
    assert (results["broker.login"].status, "encode" in str(results)) == ("fail", False)
    monkeypatch.setenv("BROKER_URL", f"amqp://user:{canary.secret()}@rabbit:5672//")
    results = await ended()
    assert results["broker.login"].detail.startswith("broker.url is amqp")
    isolated = answers("production", {
        "broker.kind": "external", "broker.host": "redis.invalid", "broker.port": 5673,
        "environment.network_policies": True, "environment.isolate_database": True,
    })  # fmt: skip
    start = Situation(isolated, derive_release(isolated), allowed=frozenset({"broker.url"}))
    refused = (await ended())["broker.login"]
    assert refused.status == "fail"
    assert "environment.isolate_database" in refused.detail
    canary.assert_absent(str(refused))
    canary.assert_absent(str(results))
    stranger = Situation(given, derive_release(given))
    (_, login) = probe_broker(stranger)
    assert "broker.url" in (await login.run()).detail
    inner = answers("production")
    assert list(probe_broker(Situation(inner, derive_release(inner)))) == []


def test_facts_that_this_server_cannot_have() -> None:
    aim = target("rediss://:secret@redis.example.internal:6380/0")
    good = RedisServer(asks=True, logged_in=True, version="7.2", mode="standalone", role="master")
    assert check_login(good, aim).status == "pass"
    assert check_login(replace(good, role="slave"), aim).status == "fail"
    assert check_login(replace(good, mode="cluster"), aim).status == "fail"
    assert (
        check_memory(replace(good, policy="volatile-lru", has_memory_limit=True)).status == "pass"
    )
    assert "once it has a memory limit" in check_memory(replace(good, policy="allkeys-lfu")).detail
    assert check_address(aim, "redis.example.internal", 6380).status == "pass"
    moved: Any = check_address(aim, "other.example.internal", 6380)
    assert (moved.status, "redis.example.internal:6380" in moved.detail) == ("fail", True)
    assert check_address(aim, "", 6379).status == "skip"
