"""Probes of a PostgreSQL database; all of them use the result of one session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from wizard.clients.postgres.client import (
    PostgresClient,
    PostgresError,
    PostgresServer,
    PostgresTarget,
)
from wizard.engine.probes import (
    CachedCall,
    Probe,
    ProbeResult,
    fail_result,
    pass_result,
    run_in_thread,
    skip_result,
    unknown_result,
    warn_result,
)
from wizard.errors import Fix
from wizard.formats.version_ranges import split_version
from wizard.manifests.postgres import quote_identifier
from wizard.systems.database.connections import check_connections, check_result_connections

if TYPE_CHECKING:
    from wizard.answers.model import Answers

SECONDS = 15.0
MAX_SKEW = 5.0
_FIXES: Mapping[str, Fix | str] = {
    "unreachable": "pods may still reach it; try again from a machine in the pods' network",
    "tls": Fix(
        "compare database.sslmode and database.ca.file with the server's certificate",
        "database.sslmode",
    ),
    "unsafe": (
        "set password_encryption = scram-sha-256, set the password again, and use scram-sha-256 "
        "in pg_hba.conf"
    ),
    "password": "check user and password with the database's owner",
    "database": Fix("create it as in the runbook, or correct database.name", "database.name"),
    "refused": "ask the server's owner; the message is the server's own",
}

ServerLookup = Callable[[], PostgresServer | PostgresError]


def make_database_lookup(client: PostgresClient) -> ServerLookup:
    """Return a function that reads the server once and returns a failure instead of raising it."""

    def look() -> PostgresServer | PostgresError:
        try:
            return client.look()
        except PostgresError as error:
            return error

    return look


def database_probes(
    prefix: str,
    title: str,
    answers: Answers,
    target: PostgresTarget,
    look: ServerLookup,
    *,
    metadata: bool = True,
) -> Iterator[Probe]:
    """Yield probes of the login, version, encoding, rights, clock and pooler of one database.

    The ids start with `prefix`. `metadata` is false for a result backend, to which only Celery
    connects.
    """
    session = CachedCall(look)

    def probe(
        what: str, text: str, judge: Callable[[PostgresServer], ProbeResult], question: str
    ) -> Probe:
        async def run() -> ProbeResult:
            seen = await session()
            if isinstance(seen, PostgresError):
                return skip_result(f"needs {prefix}.login")
            return judge(seen)

        return Probe(
            f"{prefix}.{what}", f"{title}: {text}", target.endpoint, run, SECONDS, question
        )

    async def login() -> ProbeResult:
        seen = await session()
        return (
            classify_error(seen) if isinstance(seen, PostgresError) else check_login(seen, target)
        )

    host, password = f"{prefix}.host", f"{prefix}.password"
    yield Probe(f"{prefix}.login", f"{title}: login", target.endpoint, login, SECONDS, password)
    yield probe(
        "version", "version", lambda seen: check_version(seen, answers.installation.airflow), host
    )
    yield probe("encoding", "encoding", check_encoding, f"{prefix}.name")
    yield probe("rights", "rights", lambda seen: check_rights(seen, target), f"{prefix}.user")
    yield probe("clock", "clock", check_clock, host)
    yield probe("pooler", "direct connection", check_direct_connection, host)
    connections = check_connections if metadata else check_result_connections
    yield probe(
        "connections",
        "connections",
        lambda seen: connections(answers, seen.available_connections, seen.open_connections),
        "database.pgbouncer.mode" if metadata else host,
    )


def pooler_probe(target: PostgresTarget, look: ServerLookup) -> Probe:
    """Return the probe that checks that an external PgBouncer's address is a pooler."""

    async def run() -> ProbeResult:
        seen = await CachedCall(look)()
        if isinstance(seen, PostgresError):
            return classify_error(seen)
        if not seen.pooled:
            return warn_result(
                f"{target.endpoint} is PostgreSQL itself, not a pooler",
                Fix(
                    "correct database.pgbouncer.host, or set database.pgbouncer.mode=off",
                    "database.pgbouncer.host",
                ),
            )
        word = seen.version_text.partition(" ")[0]
        return pass_result(f"PostgreSQL {seen.version_text} behind a pooler", word)

    question = "database.pgbouncer.host"
    return Probe("database.pgbouncer", "PgBouncer: login", target.endpoint, run, SECONDS, question)


def prepared_statements_probe(
    target: PostgresTarget, try_statements: Callable[[], bool | None], airflow: str
) -> Probe:
    """Return the probe that tries prepared statements through an external PgBouncer.

    Airflow 3.1 and newer prepares statements for waiting clients; with SQLAlchemy 2.1, which
    Airflow 3.3 brings, everywhere. Source: facts on running Airflow, 1 and 2.
    """

    async def run() -> ProbeResult:
        try:
            works = await run_in_thread(try_statements)
        except PostgresError:
            return skip_result("needs database.pgbouncer")
        if works:
            return pass_result("prepared statements work on every server connection")
        if works is None:
            return unknown_result(
                "prepared statements could not be tried: the pooler gave no second server "
                "connection. With transaction pooling they need max_prepared_statements"
            )
        found = fail_result if split_version(airflow) >= (3, 3, 0) else warn_result
        return found(
            "the pooler loses prepared statements between transactions, which Airflow uses",
            "set max_prepared_statements = 200 in its pgbouncer.ini (PgBouncer 1.21 or newer)",
        )

    return Probe(
        "database.pgbouncer-statements",
        "PgBouncer: prepared statements",
        target.endpoint,
        run,
        SECONDS,
        "database.pgbouncer.host",
    )


def tls_probe(target: PostgresTarget) -> Probe:
    """Return the probe of the TLS mode in the answers; the login probe tests the server."""

    async def run() -> ProbeResult:
        if target.sslmode == "disable":
            return warn_result(
                "sslmode=disable: queries and data are sent unencrypted",
                Fix("set database.sslmode=require", "database.sslmode"),
            )
        if target.sslmode == "prefer":
            return warn_result(
                "sslmode=prefer: a server or a man in the middle without TLS is accepted",
                Fix("set database.sslmode=require or verify-full", "database.sslmode"),
            )
        if target.sslmode == "require":
            return pass_result(
                "sslmode=require allows only TLS connections; verify-full would also verify the "
                "server's certificate"
            )
        return pass_result(
            f"sslmode={target.sslmode} allows only TLS connections to a server with a verified "
            "certificate"
        )

    question = "database.sslmode"
    return Probe("database.tls", "Database: TLS mode", target.endpoint, run, question=question)


def classify_error(error: PostgresError) -> ProbeResult:
    """Return the result for a failed session: unknown if unreachable from here, else failed."""
    if error.kind == "unreachable":
        return unknown_result(error.message, _FIXES["unreachable"])
    message = error.message
    if error.kind == "unsafe":
        message = f"no SCRAM: {message}; the password was not sent"
    return fail_result(message, _FIXES[error.kind])


def check_login(seen: PostgresServer, target: PostgresTarget) -> ProbeResult:
    """Return whether the session is on a primary server, and how it was opened."""
    how = "over TLS" if seen.encrypted else "unencrypted"
    if seen.read_only:
        return fail_result(
            f"PostgreSQL {seen.version_text} is a read-only standby",
            "set the host to the primary server",
        )
    state = ", with Airflow's tables" if seen.migrated else ""
    return pass_result(f"{target.user} at {target.database} {how}, SCRAM{state}")


def check_version(seen: PostgresServer, airflow: str) -> ProbeResult:
    """Compare PostgreSQL's version with the minimum in Airflow's README, "Requirements"."""
    least = 13 if split_version(airflow) >= (3, 0, 0) else 12
    detail = f"PostgreSQL {seen.version_text}; Airflow {airflow} needs {least} or later"
    if seen.major < least:
        return fail_result(detail, "upgrade the server")
    return pass_result(detail, seen.version_text.partition(" ")[0])


def check_encoding(seen: PostgresServer) -> ProbeResult:
    """Check that the encoding is UTF8, because Airflow stores text in any language."""
    if seen.encoding == "UTF8":
        return pass_result("UTF8")
    return fail_result(
        f"{seen.encoding}: Airflow needs UTF8",
        "recreate the database with ENCODING 'UTF8' TEMPLATE template0",
    )


def check_rights(seen: PostgresServer, target: PostgresTarget) -> ProbeResult:
    """Return whether the role can create tables; since PostgreSQL 15 not by default."""
    database, user = quote_identifier(target.database), quote_identifier(target.user)
    owner = f"ALTER DATABASE {database} OWNER TO {user}"
    if not seen.schema:
        return fail_result("the role has no schema to create tables in", owner)
    if seen.may_create_tables:
        return pass_result(f"can create tables in schema {seen.schema}")
    return fail_result(f"cannot create tables in schema {seen.schema}", owner)


def check_clock(seen: PostgresServer) -> ProbeResult:
    """Compare the server's clock with this machine's: tokens and schedules depend on both."""
    ahead = "ahead of" if seen.skew > 0 else "behind"
    if abs(seen.skew) <= MAX_SKEW:
        return pass_result(f"{abs(seen.skew):.1f} s {ahead} this machine's")
    return warn_result(
        f"{abs(seen.skew):.0f} s {ahead} this machine's", "synchronize both clocks with NTP"
    )


def check_direct_connection(seen: PostgresServer) -> ProbeResult:
    """Check that no pooler answers: migrations hold a session lock, and poolers share sessions."""
    if not seen.pooled:
        return pass_result("no pooler in front of it")
    return warn_result(
        "a pooler answers here; migrations need a direct connection to the server",
        Fix(
            "set database.host to the server, and name the pooler with "
            "database.pgbouncer.mode=external",
            "database.host",
        ),
    )
