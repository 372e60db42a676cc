"""Database probes on a real PostgreSQL and PgBouncer: what is right, and each way to be wrong."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from tests.support.canary import Canary
from tests.support.certificates import Authority
from tests.support.rendered import answers
from tests.support.scripted import scripted
from tests.testbed import programs
from tests.testbed.databases import Postgres, own_folder
from tests.testbed.fixtures import StartPgBouncer, found
from wizard.answers.model import Answers
from wizard.clients.postgres.client import (
    PostgresError,
    PostgresServer,
    PostgresTarget,
    PsycopgClient,
    open_read_only,
    open_session,
)
from wizard.clients.postgres.pooling import try_prepared_statements
from wizard.engine.probes import Probe, ProbeResult, run_probes
from wizard.systems.database.probes import (
    database_probes,
    make_database_lookup,
    pooler_probe,
    prepared_statements_probe,
    tls_probe,
)

pytestmark = pytest.mark.integration

GOOD = "a-good-password-1"
HBA = """\
host all postgres 127.0.0.1/32 scram-sha-256
host all trusted 127.0.0.1/32 trust
host all clear 127.0.0.1/32 password
host all hashed 127.0.0.1/32 md5
host all rejected 127.0.0.1/32 reject
hostnossl all secure 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
"""
ROLES = ("airflow", "trusted", "clear", "rejected", "secure", "stranger")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Postgres]:
    """A server of its own: TLS, and every way of asking for a password."""
    running = Postgres(found(programs.postgres_bin), own_folder("wizard-live-"))
    try:
        running.start()
        for role in ROLES:
            running.create_role(role, GOOD)
        running.sql(
            "SET password_encryption = 'md5';\n"
            f"CREATE ROLE hashed LOGIN PASSWORD '{GOOD}';\n"
            f"CREATE ROLE narrow LOGIN PASSWORD '{GOOD}' CONNECTION LIMIT 3;"
        )
        running.sql(f"ALTER ROLE narrow PASSWORD '{GOOD}'")
        running.create_database("airflow", "airflow")
        running.sql("CREATE DATABASE latin OWNER airflow ENCODING 'LATIN1' TEMPLATE template0")
        running.secure(*authority.issue("localhost", "127.0.0.1"), HBA)
        yield running
    finally:
        running.stop()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def target(server: Postgres, user: str = "airflow", database: str = "airflow") -> PostgresTarget:
    return PostgresTarget(server.host, server.port, database, user, "require")


@cache
def small() -> Answers:
    """An installation that the small server of these tests can serve."""
    changes = {
        "executor.kind": "LocalExecutor",
        "database.pgbouncer.mode": "off",
        "values": {"config": {"database": {"sql_alchemy_max_overflow": 0}}},
    }
    return answers("production", changes)


async def ended(*probes: Probe) -> dict[str, ProbeResult]:
    return {one.id: result async for one, result in run_probes(probes)}


async def probed(aim: PostgresTarget, password: str = GOOD) -> dict[str, ProbeResult]:
    client = PsycopgClient(aim, SecretStr(password))
    probes = database_probes("database", "Database", small(), aim, make_database_lookup(client))
    return await ended(*probes)


def refused(aim: PostgresTarget, password: str = GOOD) -> PostgresError:
    with pytest.raises(PostgresError) as caught:
        PsycopgClient(aim, SecretStr(password)).look()
    return caught.value


async def test_a_good_database_passes_everything(server: Postgres) -> None:
    results = await probed(target(server))
    assert {name: result.status for name, result in results.items()} == {
        f"database.{what}": "pass"
        for what in ("login", "version", "encoding", "rights", "clock", "pooler", "connections")
    }, results
    assert "airflow at airflow over TLS, SCRAM" in results["database.login"].detail
    assert "allows 47" in results["database.connections"].detail


async def test_one_session_serves_all_and_leaves_nothing(server: Postgres) -> None:
    sessions = "SELECT sessions FROM pg_stat_database WHERE datname = 'airflow'"
    server.sql("SELECT pg_stat_force_next_flush()")
    before = int(server.sql(sessions))
    await probed(target(server))
    until(lambda: int(server.sql(sessions)) > before)
    assert int(server.sql(sessions)) == before + 1
    count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'airflow'"
    assert server.sql(count) == "0"
    made = "SELECT count(*) FROM pg_class WHERE relowner = 'airflow'::regrole"
    assert server.sql(made) == "0"


@pytest.mark.parametrize(
    ("user", "database", "password", "kind", "says"),
    [
        ("airflow", "airflow", "a-wrong-password-1", "password", "authentication failed"),
        ("airflow", "missing", GOOD, "database", '"missing" does not exist'),
        ("nobody-like-this", "airflow", GOOD, "password", "authentication failed"),
        ("trusted", "airflow", GOOD, "unsafe", "did not complete authentication"),
        ("clear", "airflow", GOOD, "unsafe", "cleartext"),
        ("hashed", "airflow", GOOD, "unsafe", "hashed"),
        ("rejected", "airflow", GOOD, "refused", "pg_hba.conf rejects"),
    ],
)
async def test_each_refusal_is_a_fault_of_its_own(
    server: Postgres, user: str, database: str, password: str, kind: str, says: str
) -> None:
    aim = target(server, user, database)
    error = refused(aim, password)
    assert (error.kind, password in error.message) == (kind, False)
    results = await probed(aim, password)
    login = results.pop("database.login")
    assert login.status == "fail"
    assert says in login.detail
    assert login.fix.text
    assert {result.status for result in results.values()} == {"skip"}
    assert {result.detail for result in results.values()} == {"needs database.login"}


async def test_a_role_without_rights_and_a_database_in_another_encoding(server: Postgres) -> None:
    results = await probed(target(server, "stranger"))
    assert results["database.rights"].status == "fail"
    assert 'OWNER TO "stranger"' in results["database.rights"].fix.text
    results = await probed(target(server, "airflow", "latin"))
    assert results["database.encoding"].status == "fail"
    assert "LATIN1" in results["database.encoding"].detail


async def test_a_role_that_may_open_few_connections(server: Postgres) -> None:
    results = await probed(target(server, "narrow", "airflow"))
    assert results["database.connections"].status == "fail"
    assert "allows 3" in results["database.connections"].detail


async def test_tls_modes_against_the_servers_certificate(
    server: Postgres, authority: Authority, tmp_path: Path
) -> None:
    aim = target(server)
    for mode in ("verify-full", "verify-ca"):
        verified = replace(aim, sslmode=mode, ca=authority.certificate)
        assert PsycopgClient(verified, SecretStr(GOOD)).look().encrypted
    other = Authority.make(tmp_path).certificate
    assert refused(replace(aim, sslmode="verify-ca", ca=other)).kind == "tls"
    assert not PsycopgClient(replace(aim, sslmode="disable"), SecretStr(GOOD)).look().encrypted
    assert refused(replace(aim, user="secure", sslmode="disable")).kind == "refused"


async def test_the_operators_own_client_files_play_no_part(
    server: Postgres, clean_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libpq would read ~/.pgpass and PG* variables, and trust ~/.postgresql/root.crt."""
    folder = clean_environment / ".postgresql"
    folder.mkdir()
    (folder / "root.crt").write_text("not a valid certificate")
    passes = clean_environment / ".pgpass"
    passes.write_text(f"*:*:*:*:{GOOD}\n")
    passes.chmod(0o600)
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.9")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=elsewhere")
    monkeypatch.setenv("PGSSLCRL", "/nonexistent")
    services = clean_environment / "services"
    services.write_text("[other]\nhostaddr=127.0.0.9\nsslmode=disable\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("PGSERVICE", "other")
    seen = PsycopgClient(target(server), SecretStr(GOOD)).look()
    assert (seen.encrypted, seen.schema) == (True, "public")
    assert refused(target(server), "a-wrong-password-1").kind == "password"


@pytest.mark.parametrize(
    ("mode", "status"),
    [("disable", "warn"), ("prefer", "warn"), ("require", "pass"), ("verify-full", "pass")],
)
async def test_a_tls_mode_says_what_it_does_not_protect(mode: str, status: str) -> None:
    aim = PostgresTarget("pg.example.internal", 5432, "airflow", "airflow", mode)
    results = await ended(tls_probe(aim))
    assert results["database.tls"].status == status
    if status == "pass":
        said = results["database.tls"].detail
        # Nothing was asked, so nothing may sound like something seen.
        assert said.startswith(f"sslmode={mode} allows only TLS connections")


async def test_a_pooler_is_noticed(server: Postgres, pgbouncer: StartPgBouncer) -> None:
    leads = f"host={server.host} port={server.port} dbname=airflow"
    ini = "[pgbouncer]\nauth_type = scram-sha-256\npool_mode = transaction\n"
    proxy = pgbouncer(ini, f'"airflow" "{GOOD}"\n', {"airflow": leads})
    through = PostgresTarget(proxy.host, proxy.port, "airflow", "airflow", "disable")
    results = await probed(through)
    assert results["database.login"].status == "pass", results
    assert results["database.pooler"].status == "warn"
    client = PsycopgClient(through, SecretStr(GOOD))
    assert (await ended(pooler_probe(through, make_database_lookup(client))))[
        "database.pgbouncer"
    ].status == ("pass")
    straight = target(server)
    client = PsycopgClient(straight, SecretStr(GOOD))
    probe = pooler_probe(straight, make_database_lookup(client))
    result = (await ended(probe))["database.pgbouncer"]
    assert result.status == "warn"


@pytest.mark.parametrize(
    ("more", "works"),
    [
        ("pool_mode = transaction\nmax_prepared_statements = 200\n", True),
        ("pool_mode = transaction\nmax_prepared_statements = 0\n", False),
        # Nothing shows it: a session keeps its server connection, or waits for the only one.
        ("pool_mode = session\n", None),
        ("pool_mode = transaction\ndefault_pool_size = 1\n", None),
    ],
)
async def test_a_pooler_that_loses_prepared_statements(
    server: Postgres, pgbouncer: StartPgBouncer, more: str, works: bool | None
) -> None:
    leads = f"host={server.host} port={server.port} dbname=airflow"
    ini = f"[pgbouncer]\nauth_type = scram-sha-256\n{more}"
    proxy = pgbouncer(ini, f'"airflow" "{GOOD}"\n', {"airflow": leads})
    through = PostgresTarget(proxy.host, proxy.port, "airflow", "airflow", "disable")
    attempt = partial(try_prepared_statements, through, SecretStr(GOOD))
    assert attempt() is works
    # The attempt leaves nothing on the server connections, which other clients get.
    with open_read_only(through, SecretStr(GOOD), "test") as session:
        left = session.execute("SELECT name FROM pg_prepared_statements").fetchall()
    assert [name for (name,) in left if not name.startswith("PGBOUNCER_")] == []
    words = {True: "pass", False: "warn", None: "unknown"}
    for airflow, status in (("3.2.2", words[works]), ("3.3.2", words[works])):
        probe = prepared_statements_probe(through, attempt, airflow)
        result = (await ended(probe))["database.pgbouncer-statements"]
        assert result.status == ("fail" if airflow == "3.3.2" and works is False else status)


def test_a_server_that_hangs_after_the_login_is_given_up(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timeout of a statement is kept by the server itself."""
    monkeypatch.setattr("wizard.clients.postgres.client.REQUEST_SECONDS", 0.3)
    started = time.monotonic()
    with (
        pytest.raises(psycopg.OperationalError),
        open_session(target(server), SecretStr(GOOD), "test") as session,
    ):
        session.execute("SELECT pg_sleep(60)")
    assert time.monotonic() - started < 20


async def test_passwords_of_every_printable_character(server: Postgres, canary: Canary) -> None:
    password = "".join(chr(code) for code in range(32, 127)) + canary.hostile()
    server.create_role("printable", password)
    server.sql("GRANT ALL ON DATABASE airflow TO printable")
    aim = target(server, "printable")
    assert PsycopgClient(aim, SecretStr(password)).look().major >= 13
    canary.assert_absent(str(refused(aim, password + "x")))


def _asks_in_clear(seen: list[bytes]) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        first = connection.recv(4096)
        if first[4:8] == struct.pack("!I", 80877103):  # SSLRequest
            connection.sendall(b"N")
            connection.recv(4096)
        connection.sendall(b"R" + struct.pack("!II", 8, 3))  # AuthenticationCleartextPassword
        seen.append(connection.recv(4096))

    return serve


async def test_a_server_that_asks_in_clear_learns_nothing(canary: Canary) -> None:
    seen: list[bytes] = []
    with scripted(_asks_in_clear(seen)) as port:
        aim = PostgresTarget("127.0.0.1", port, "airflow", "airflow", "disable")
        results = await probed(aim, canary.secret())
        until(lambda: bool(seen))
    assert results["database.login"].status == "fail"
    assert "the password was not sent" in results["database.login"].detail
    assert seen
    canary.assert_absent(*seen, str(results))


async def test_peers_that_are_no_postgresql() -> None:
    def http(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with scripted(http) as port:
        aim = PostgresTarget("127.0.0.1", port, "airflow", "airflow", "require")
        results = await probed(aim)
    assert results["database.login"].status in {"fail", "unknown"}
    assert results["database.version"].status == "skip"


async def test_what_does_not_answer_is_unverified() -> None:
    with scripted(lambda _: time.sleep(8)) as port:
        aim = PostgresTarget("127.0.0.1", port, "airflow", "airflow", "require")
        started = time.monotonic()
        results = await probed(aim)
        assert time.monotonic() - started < 14
    closed = PostgresTarget("127.0.0.1", port, "airflow", "airflow", "require")
    nowhere = replace(closed, host="no.invalid")
    for ended_with in (results, await probed(closed), await probed(nowhere)):
        login = ended_with["database.login"]
        assert login.status == "unknown", login
        assert "pods' network" in login.fix.text


def test_facts_that_this_server_cannot_have() -> None:
    from wizard.systems.database.probes import check_clock, check_login, check_rights, check_version

    seen = PostgresServer(
        version=120019,
        version_text="12.19",
        encoding="UTF8",
        schema="",
        may_create_tables=False,
        max_connections=100,
        reserved=3,
        role_limit=-1,
        database_limit=-1,
        open_connections=1,
        skew=-90.0,
        migrated=True,
        read_only=True,
        encrypted=True,
        pooled=False,
    )
    aim = PostgresTarget("pg.example.internal", 5432, "airflow", "airflow", "require")
    assert check_version(seen, "3.2.2").status == "fail"
    assert check_version(seen, "2.11.0").status == "pass"
    assert check_login(seen, aim).status == "fail"
    assert check_rights(seen, aim).status == "fail"
    assert (check_clock(seen).status, check_clock(seen).detail) == (
        "warn",
        "90 s behind this machine's",
    )
