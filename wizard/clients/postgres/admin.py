"""Reads and changes a PostgreSQL server as its administrator: roles, databases, schema public.

The administrator of a managed server is not a superuser. This role has CREATEROLE and CREATEDB, and
must be a member of the role that will own a database (documents 001 and 002). From PostgreSQL 16
on, the membership needs the option SET, which CREATE ROLE does not grant. A password is sent only
as a SCRAM-SHA-256 verifier, so no statement log contains the password.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wizard.clients.postgres.client import (
    PostgresTarget,
    convert_error,
    open_read_only,
    open_session,
)

if TYPE_CHECKING:
    from psycopg.sql import Composed
    from pydantic import SecretStr

DUPLICATES = frozenset({"42710", "42P04"})
FORBIDDEN = "42501"
PLACEHOLDER = "'SCRAM-SHA-256 of its password'"
_APPLICATION = "airflow-wizard apply"
# CREATE DATABASE is slow: it copies the template's files, and may first write a checkpoint.
_SECONDS = 120
_MAX_MESSAGE_LENGTH = 200
_SET_OPTION = 160000

_ROLE_QUERY = """
SELECT me.rolname, me.rolsuper OR me.rolcreaterole, me.rolsuper OR me.rolcreatedb,
  pg_is_in_recovery(),
  (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'template0'),
  role.oid IS NOT NULL, role.rolcanlogin, coalesce(role.rolvaliduntil < now(), false),
  coalesce(pg_has_role(me.oid, role.oid, {member}), false),
  coalesce(me.rolsuper OR {grantor} OR pg_has_role(me.oid, role.oid, 'MEMBER WITH ADMIN OPTION'),
    me.rolsuper OR me.rolcreaterole),
  base.oid IS NOT NULL, pg_get_userbyid(base.datdba), pg_encoding_to_char(base.encoding),
  base.datallowconn AND base.datconnlimit <> -2
FROM pg_roles AS me
LEFT JOIN pg_roles AS role ON role.rolname = %(role)s
LEFT JOIN pg_database AS base ON base.datname = %(name)s
WHERE me.rolname = current_user
"""
_SCHEMA_QUERY = """
SELECT has_schema_privilege(%(role)s, oid, 'CREATE')
    AND has_schema_privilege(%(role)s, oid, 'USAGE')
    AND has_database_privilege(%(role)s, current_database(), 'CONNECT'),
  has_schema_privilege(oid, 'CREATE WITH GRANT OPTION')
    AND has_schema_privilege(oid, 'USAGE WITH GRANT OPTION')
FROM pg_namespace WHERE nspname = 'public'
"""


class StatementError(Exception):
    """The server refused a statement; the message is the server's, without the statement."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message


@dataclass(frozen=True, slots=True)
class RoleState:
    """An existing role. `may_be_owner`: the administrator may make it the owner of a database.

    `expired`: the role's password is no longer valid.
    """

    may_log_in: bool
    expired: bool
    may_be_owner: bool


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """An existing database; `open`: the database accepts connections."""

    owner: str
    encoding: str
    open: bool


@dataclass(frozen=True, slots=True)
class AdminSnapshot:
    """One role and one database as an administrator sees them; each is None if missing.

    `may_grant`: the administrator may make itself a member of the role (after creating the role,
    if it is missing). `template`: the encoding of template0.
    """

    administrator: str
    may_create_roles: bool
    may_create_databases: bool
    read_only: bool
    template: str
    may_grant: bool
    role: RoleState | None
    database: DatabaseState | None


@dataclass(frozen=True, slots=True)
class SchemaState:
    """A role's rights in schema public of a database.

    `usable`: the role may create tables there. `may_grant`: the administrator may grant that.
    """

    usable: bool
    may_grant: bool


class Administrator:
    """One administrator of one server; every call opens its own session.

    `target` names the default database to log in to. All methods raise PostgresError if the login
    fails, and StatementError if the server refuses a statement.
    """

    def __init__(self, target: PostgresTarget, password: SecretStr) -> None:
        self.target = target
        self._password = password

    def look(self, role: str, name: str) -> AdminSnapshot:
        """Return the state of this role and this database."""
        with (
            _convert_errors(),
            open_read_only(self.target, self._password, _APPLICATION) as connection,
        ):
            new = connection.info.server_version >= _SET_OPTION
            query = _ROLE_QUERY.format(
                member="'SET'" if new else "'MEMBER'",
                grantor="false" if new else "(me.rolcreaterole AND NOT role.rolsuper)",
            )
            row = connection.execute(query, {"role": role, "name": name}).fetchone()
        return AdminSnapshot(
            administrator=row[0],
            may_create_roles=row[1],
            may_create_databases=row[2],
            read_only=row[3],
            template=row[4],
            may_grant=row[9],
            role=RoleState(row[6], row[7], row[8]) if row[5] else None,
            database=DatabaseState(*row[11:]) if row[10] else None,
        )

    def schema(self, name: str, role: str) -> SchemaState:
        """Return what the role may do in schema public of a database."""
        with (
            _convert_errors(),
            open_read_only(self._database_target(name), self._password, _APPLICATION) as connection,
        ):
            row = connection.execute(_SCHEMA_QUERY, {"role": role}).fetchone()
        return SchemaState(*row) if row else SchemaState(usable=False, may_grant=False)

    def create_role(self, role: str, password: SecretStr, label: str) -> None:
        """Create a role with a password and a label, both or neither."""
        with _convert_errors(), self._session(self.target) as connection:
            value = password.get_secret_value().encode("utf-8")
            # By default, libpq asks the server which hash to use, and would accept MD5.
            verifier = connection.pgconn.encrypt_password(value, role.encode(), b"scram-sha-256")
            # Statements that are sent in one message run in one transaction.
            connection.execute(_join_statements(role_statements(role, label, verifier.decode())))

    def run(self, statements: Sequence[Composed], name: str = "") -> None:
        """Run each statement in its own transaction, in this database (empty: the default one)."""
        with (
            _convert_errors(),
            self._session(self._database_target(name) if name else self.target) as connection,
        ):
            for statement in statements:
                connection.execute(statement)

    def _database_target(self, name: str) -> PostgresTarget:
        return replace(self.target, database=name)

    @contextmanager
    def _session(self, target: PostgresTarget) -> Iterator[Any]:
        with open_session(target, self._password, _APPLICATION) as connection:
            connection.autocommit = True
            connection.execute(f"SET statement_timeout = {_SECONDS * 1000}")
            yield connection


def role_statements(role: str, label: str, verifier: str | None = None) -> tuple[Composed, ...]:
    """Return the statements that create the role; without a verifier, only for display."""
    from psycopg.sql import SQL, Identifier, Literal

    secret = SQL(PLACEHOLDER) if verifier is None else Literal(verifier)
    name = Identifier(role)
    return (
        SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, secret),
        SQL("COMMENT ON ROLE {} IS {}").format(name, Literal(label)),
    )


def database_statements(name: str, owner: str, seen: AdminSnapshot) -> tuple[Composed, ...]:
    """Return the statements that create the database.

    If needed, the first one makes the administrator a member of the owner role. template0 is used
    because template1 may have another encoding and additional objects. If template0 is not in
    UTF-8, the locale is C, because the server's locale may not work with UTF-8.
    """
    from psycopg.sql import SQL, Identifier

    found = []
    if seen.role is None or not seen.role.may_be_owner:
        found.append(SQL("GRANT {} TO CURRENT_USER").format(Identifier(owner)))
    locale = "" if seen.template == "UTF8" else " LC_COLLATE 'C' LC_CTYPE 'C'"
    made = SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0" + locale)
    return (*found, made.format(Identifier(name), Identifier(owner)))


def schema_statements(role: str) -> tuple[Composed, ...]:
    """Return the statement that lets a role create tables in schema public."""
    from psycopg.sql import SQL, Identifier

    return (SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(Identifier(role)),)


def render_statements(statements: Sequence[Composed]) -> str:
    """Return the statements on one line, as they are sent."""
    return "; ".join(statement.as_string(None) for statement in statements)


def _join_statements(statements: Sequence[Composed]) -> Composed:
    from psycopg.sql import SQL

    return SQL("; ").join(statements)


@contextmanager
def _convert_errors() -> Iterator[None]:
    """Convert psycopg's errors to PostgresError or, without the statement, StatementError."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        said = error.diag.message_primary
        if error.sqlstate is None or said is None or error.diag.severity == "FATAL":
            raise convert_error(error) from None
        # The full message for a syntax error quotes a part of the statement.
        raise StatementError(error.sqlstate, said[:_MAX_MESSAGE_LENGTH]) from None
