"""Reads the facts that Airflow needs from a PostgreSQL server, in one read-only session.

SCRAM proves the password without sending it. A server that asks for the password in clear text, as
MD5, or not at all is refused before anything is sent. psycopg is imported on first use.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from wizard.clients.session import SessionError
from wizard.clients.time_limit import REQUEST_SECONDS, limit_connection

if TYPE_CHECKING:
    import psycopg
    from pydantic import SecretStr

SECONDS = 5
_MAX_MESSAGE_LENGTH = 200
_MIN_LIBPQ = 160000

Kind = Literal["unreachable", "tls", "unsafe", "password", "database", "refused"]

# Messages of libpq and the server, in search order. psycopg's wheels never translate libpq's own
# messages; a server's message may be translated, and then counts as `refused`.
_ERROR_PATTERNS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("unsafe", ('requirement "scram-sha-256" failed', "channel binding")),
    ("password", ("password authentication failed",)),
    ("database", ('" does not exist',)),
    ("refused", ("pg_hba",)),
    (
        "unreachable",
        (
            "timeout", "timed out", "connection refused", "unreachable", "no route to host",
            "resolve host", "translate host name", "not known", "closed the connection",
            "reset by peer", "starting up", "shutting down", "recovery mode",
            "too many connections", "too many clients", "remaining connection slots",
        ),
    ),
    ("tls", ("ssl", "certificate", "tls")),
    ("password", ("sasl", "scram")),
)  # fmt: skip

_QUERY = """
SELECT current_setting('server_version_num')::int,
  current_setting('server_version'),
  pg_encoding_to_char((SELECT encoding FROM pg_database WHERE datname = current_database())),
  current_schema(),
  coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
  current_setting('max_connections')::int,
  current_setting('superuser_reserved_connections')::int
    + coalesce(current_setting('reserved_connections', true)::int, 0),
  (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),
  (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),
  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int,
  extract(epoch FROM clock_timestamp())::float8,
  to_regclass('alembic_version') IS NOT NULL,
  pg_is_in_recovery(),
  pg_backend_pid()
"""


class PostgresError(SessionError[Kind]):
    """The session failed; the message is from the server or libpq and contains no secret."""


@dataclass(frozen=True, slots=True)
class PostgresTarget:
    """A database and the login; `ca` is PEM, empty for the default CAs.

    `route` is the IP address and port at which this machine reaches the host, if they differ from
    what the name resolves to; the certificate is still verified against the name.
    """

    host: str
    port: int
    database: str
    user: str
    sslmode: str
    ca: str = ""
    route: tuple[str, int] | None = None

    @property
    def endpoint(self) -> str:
        """Return host, port and database for display; contains no secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """The server's facts, read in one session.

    `schema` is the schema in which new tables are created, empty if there is none. A limit of -1
    means no limit. `skew` is by how many seconds the server's clock is ahead of this machine's.
    `pooled`: the connection goes through a pooler.
    """

    version: int
    version_text: str
    encoding: str
    schema: str
    may_create_tables: bool
    max_connections: int
    reserved: int
    role_limit: int
    database_limit: int
    open_connections: int
    skew: float
    migrated: bool
    read_only: bool
    encrypted: bool
    pooled: bool

    @property
    def major(self) -> int:
        """Return the major version, such as 15."""
        return self.version // 10000

    @property
    def available_connections(self) -> int:
        """Return the lowest limit on this role's connections; others' connections count too."""
        limits = [self.max_connections - self.reserved, self.role_limit, self.database_limit]
        return min(limit for limit in limits if limit >= 0)


class PostgresClient(Protocol):
    """The database operations that the probes use."""

    def look(self) -> PostgresServer:
        """Return all facts; raises PostgresError."""
        ...


@dataclass(frozen=True, slots=True)
class PsycopgClient:
    """The implementation for one target."""

    target: PostgresTarget
    password: SecretStr

    def look(self) -> PostgresServer:
        """Read all facts in one read-only transaction; raises PostgresError."""
        import psycopg

        try:
            with open_read_only(self.target, self.password, "airflow-wizard check") as connection:
                before = time.time()
                row = connection.execute(_QUERY).fetchone()
                middle = (before + time.time()) / 2
                state = connection.pgconn
                return _parse_server(row, middle, encrypted=state.ssl_in_use, pid=state.backend_pid)
        except psycopg.Error as error:
            raise convert_error(error) from None


@contextmanager
def open_read_only(target: PostgresTarget, password: SecretStr, application: str) -> Iterator[Any]:
    """Yield a connection in a read-only transaction, which is rolled back at the end.

    Raises psycopg.Error, and PostgresError if libpq cannot require SCRAM.
    """
    with open_session(target, password, application) as connection:
        connection.read_only = True
        # Not set as start-up options: PgBouncer refuses options that it does not know.
        connection.execute(f"SET LOCAL statement_timeout = {SECONDS * 1000}")
        yield connection
        connection.rollback()


@contextmanager
def open_session(target: PostgresTarget, password: SecretStr, application: str) -> Iterator[Any]:
    """Yield a connection that depends only on the target and the password.

    libpq reads missing parameters from PG* variables, a service file, ~/.pgpass and ~/.postgresql;
    an empty value prevents that. Raises the same errors as `open_read_only`.
    """
    import psycopg

    if psycopg.pq.version() < _MIN_LIBPQ:
        # psycopg's wheels have a newer libpq; a custom build may have an older one.
        raise PostgresError("unreachable", "libpq is older than 16 and cannot require SCRAM")
    address, port = target.route or ("", target.port)
    with _write_ca_file(target.ca) as root:
        connection = psycopg.connect(
            host=target.host,
            hostaddr=address,
            port=port,
            dbname=target.database,
            user=target.user,
            password=password.get_secret_value(),
            sslmode=target.sslmode,
            sslrootcert=root,
            sslcert="/nonexistent",
            sslkey="/nonexistent",
            sslcrl="",
            sslcrldir="",
            require_auth="scram-sha-256",
            gssencmode="disable",
            passfile="/dev/null",
            options="",
            target_session_attrs="any",
            connect_timeout=SECONDS,
            application_name=application,
            client_encoding="UTF8",
            autocommit=False,
        )
    # A statement's timeout is the server's: one that hangs keeps none.
    try:
        with limit_connection(REQUEST_SECONDS, connection.fileno()):
            yield connection
    finally:
        connection.close()


@contextmanager
def _write_ca_file(ca: str) -> Iterator[str]:
    """Yield the path of a CA file for libpq.

    Without a CA, the path does not exist: libpq would use a CA file in the user's home by default.
    """
    if not ca:
        yield "/nonexistent"
        return
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".pem", encoding="ascii") as file:
        file.write(ca)
        file.flush()
        yield file.name


def _parse_server(row: Any, now: float, *, encrypted: bool, pid: int) -> PostgresServer:
    clock, backend = float(row[10]), int(row[13])
    return PostgresServer(
        version=row[0],
        version_text=str(row[1]).partition(" ")[0],
        encoding=row[2],
        schema=row[3] or "",
        may_create_tables=row[4],
        max_connections=row[5],
        reserved=row[6],
        role_limit=-1 if row[7] is None else row[7],
        database_limit=row[8],
        open_connections=row[9],
        skew=clock - now,
        migrated=row[11],
        read_only=row[12],
        encrypted=bool(encrypted),
        # A pooler reports an invented process id to its clients.
        pooled=pid != backend,
    )


def convert_error(error: psycopg.Error) -> PostgresError:
    """Return the error for a refused session.

    The server's message may quote input, but not the password, which is never sent.
    """
    text, sqlstate = str(error), error.sqlstate
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = next((line for line in lines if " failed: " in line), lines[0] if lines else "")
    # The prefix `connection to server at "..." failed: ` only repeats the endpoint.
    said = line.rpartition(" failed: ")[2] if "connection to server" in line else line
    said = said.removeprefix("connection failed: ")[:_MAX_MESSAGE_LENGTH]
    low = text.casefold()
    if sqlstate == "28P01":
        return PostgresError("password", said)
    for kind, signs in _ERROR_PATTERNS:
        if any(sign in low for sign in signs):
            return PostgresError(kind, said)
    return PostgresError("refused", said)
