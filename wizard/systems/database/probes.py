"""Probes of a PostgreSQL database: one session, read by all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from wizard.clients.postgres.client import Postgres, PostgresError, Server, Target
from wizard.engine.probes import Once, Probe, ProbeResult, failed, passed, skipped, unknown, warned
from wizard.manifests.postgres import identifier
from wizard.systems.database.connections import weigh, weigh_results

if TYPE_CHECKING:
    from wizard.answers.model import Answers

SECONDS = 15.0
MOST_SKEW = 5.0
_FIXES = {
    "unreachable": "pods may see it otherwise; try again from a machine in the same network",
    "tls": "compare database.sslmode and database.ca.file with the server's certificate",
    "unsafe": (
        "set password_encryption = scram-sha-256, set the password again, and use scram-sha-256 "
        "in pg_hba.conf"
    ),
    "password": "compare user and password with the database's owner",
    "database": "create it as the runbook says, or correct database.name",
    "refused": "ask the server's owner: the reason is in its words",
}

Look = Callable[[], Server | PostgresError]


def looking(client: Postgres) -> Look:
    """One look that hands its failure back as a value, for all probes that read it."""

    def look() -> Server | PostgresError:
        try:
            return client.look()
        except PostgresError as error:
            return error

    return look


def database_probes(
    prefix: str, title: str, answers: Answers, target: Target, look: Look, *, metadata: bool = True
) -> Iterator[Probe]:
    """Login, version, encoding, rights, clock and pooler of one database.

    `prefix` begins the ids, `metadata` is false for a result backend, which opens others than
    Airflow's own.
    """
    session = Once(look)

    def probe(what: str, text: str, judge: Callable[[Server], ProbeResult]) -> Probe:
        async def run() -> ProbeResult:
            seen = await session()
            if isinstance(seen, PostgresError):
                return skipped(f"needs {prefix}.login")
            return judge(seen)

        return Probe(f"{prefix}.{what}", f"{title}: {text}", target.endpoint, run, SECONDS)

    async def login() -> ProbeResult:
        seen = await session()
        return refusal(seen) if isinstance(seen, PostgresError) else logged_in(seen, target)

    yield Probe(f"{prefix}.login", f"{title}: login", target.endpoint, login, SECONDS)
    yield probe("version", "version", lambda seen: version(seen, answers.installation.airflow))
    yield probe("encoding", "encoding", encoding)
    yield probe("rights", "rights", lambda seen: rights(seen, target))
    yield probe("clock", "clock", clock)
    yield probe("pooler", "direct connection", direct)
    connections = weigh if metadata else weigh_results
    yield probe(
        "connections",
        "connections",
        lambda seen: connections(answers, seen.free_for_all, seen.in_use),
    )


def pooler_probe(target: Target, look: Look) -> Probe:
    """Whether the address of an external PgBouncer leads through a pooler to the database."""

    async def run() -> ProbeResult:
        seen = await Once(look)()
        if isinstance(seen, PostgresError):
            return refusal(seen)
        if not seen.pooled:
            return warned(
                f"{target.endpoint} is PostgreSQL itself, not a pooler",
                "correct database.pgbouncer.host, or set database.pgbouncer.mode=off",
            )
        word = seen.version_text.partition(" ")[0]
        return passed(f"PostgreSQL {seen.version_text} behind a pooler", word)

    return Probe("database.pgbouncer", "PgBouncer: login", target.endpoint, run, SECONDS)


def encryption(target: Target) -> Probe:
    """What the TLS mode of the answers allows; whether the server takes part, the login says."""

    async def run() -> ProbeResult:
        if target.sslmode == "disable":
            return warned(
                "sslmode=disable: queries and data travel in clear", "set database.sslmode=require"
            )
        if target.sslmode == "prefer":
            return warned(
                "sslmode=prefer: a server or a man in the middle without TLS is accepted",
                "set database.sslmode=require or verify-full",
            )
        if target.sslmode == "require":
            return passed(
                "sslmode=require allows no connection without TLS; verify-full would have the "
                "server prove itself too"
            )
        return passed(
            f"sslmode={target.sslmode} allows no connection without TLS, nor to a server that "
            "cannot prove itself"
        )

    return Probe("database.tls", "Database: TLS mode", target.endpoint, run)


def refusal(error: PostgresError) -> ProbeResult:
    """What a session that could not be had means: only its absence here is no fault."""
    if error.kind == "unreachable":
        return unknown(error.message, _FIXES["unreachable"])
    said = error.message
    if error.kind == "unsafe":
        said = f"no SCRAM: {said}; the password was not sent"
    return failed(said, _FIXES[error.kind])


def logged_in(seen: Server, target: Target) -> ProbeResult:
    """The session itself."""
    how = "over TLS" if seen.encrypted else "in clear"
    if seen.read_only:
        return failed(
            f"PostgreSQL {seen.version_text} is a read-only standby", "name the primary server"
        )
    state = ", with Airflow's tables" if seen.migrated else ""
    return passed(f"{target.user} at {target.database} {how}, SCRAM{state}")


def version(seen: Server, airflow: str) -> ProbeResult:
    """PostgreSQL's version; the least is that of Airflow's README, "Requirements"."""
    least = 12 if airflow.startswith("2.") else 13
    said = f"PostgreSQL {seen.version_text}; Airflow {airflow} needs {least} or later"
    if seen.major < least:
        return failed(said, "upgrade the server")
    return passed(said, seen.version_text.partition(" ")[0])


def encoding(seen: Server) -> ProbeResult:
    """Airflow stores text of any language."""
    if seen.encoding == "UTF8":
        return passed("UTF8")
    return failed(
        f"{seen.encoding}: Airflow needs UTF8",
        "create the database again with ENCODING 'UTF8' TEMPLATE template0",
    )


def rights(seen: Server, target: Target) -> ProbeResult:
    """Whether migrations can make tables: PostgreSQL 15 closed schema public to all but owners."""
    owner = f"ALTER DATABASE {identifier(target.database)} OWNER TO {identifier(target.user)}"
    if not seen.schema:
        return failed("the role sees no schema that tables could go into", owner)
    if seen.may_create_tables:
        return passed(f"may create tables in schema {seen.schema}")
    return failed(f"may not create tables in schema {seen.schema}", owner)


def clock(seen: Server) -> ProbeResult:
    """Tokens and schedules are judged by several clocks."""
    ahead = "ahead of" if seen.skew > 0 else "behind"
    if abs(seen.skew) <= MOST_SKEW:
        return passed(f"{abs(seen.skew):.1f} s {ahead} this machine's")
    return warned(
        f"{abs(seen.skew):.0f} s {ahead} this machine's", "set both clocks by a time server (NTP)"
    )


def direct(seen: Server) -> ProbeResult:
    """Migrations hold a lock for a session, which a pooler may hand to somebody else."""
    if not seen.pooled:
        return passed("no pooler in between")
    return warned(
        "a pooler answers here, and migrations need the server itself",
        "name the server in database.host, and the pooler with database.pgbouncer.mode=external",
    )
