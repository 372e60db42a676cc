"""One role and its database, looked at and changed as the administrator, tried as the role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.clients.postgres.admin import DUPLICATES, FORBIDDEN, Administrator, StatementError
from wizard.clients.postgres.client import PostgresError, PsycopgClient
from wizard.errors import Fix, WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.postgres import quote_identifier
from wizard.systems.database.password import HANDOVER, KnownPassword

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from wizard.clients.postgres.admin import AdminSnapshot, SchemaState
    from wizard.clients.postgres.client import PostgresServer
    from wizard.engine.steps import StepStatus
    from wizard.systems.database.admin import Admin, DatabaseSpec
    from wizard.systems.database.password import Passwords

_LOGIN_FIXES: Mapping[str, Fix | str] = {
    "unreachable": "run it from a machine in the server's network, or name in PGHOSTADDR the "
    "address that it is reached at",
    "tls": Fix(
        "compare database.sslmode and database.ca.file with the server's certificate",
        "database.sslmode",
    ),
    "unsafe": "have the administrator log in with a password and SCRAM; or " + HANDOVER,
    "password": "compare the administrator's name and password with the server's owner",
    "database": "name a database of that server in PGDATABASE",
    "refused": "the reason is in the server's words; or " + HANDOVER,
}


class DatabaseAccess:
    """What the three steps of one database share; every failure is a WizardError."""

    def __init__(
        self, admin: Admin, one: DatabaseSpec, passwords: Passwords, installation: str
    ) -> None:
        self.admin = admin
        self.database_spec = one
        self.user = escape_unprintable(quote_identifier(one.user))
        self.name = escape_unprintable(quote_identifier(one.name))
        self.label = f"made by airflow-wizard for {installation}"
        self._passwords = passwords

    def find_password(self) -> KnownPassword | StepStatus:
        """The role's password, or why it is not known."""
        return self._passwords.find_password(self.database_spec)

    def read_state(self) -> AdminSnapshot:
        """What stands now."""
        with self._translate_errors():
            seen = self._client.look(self.database_spec.user, self.database_spec.name)
        if seen.read_only:
            raise WizardError(
                f"{self.database_spec.endpoint} is a read-only standby", "name the primary server"
            )
        return seen

    def login(self, password: KnownPassword, database: str) -> PostgresServer | PostgresError:
        """A session of the role itself, which writes nothing."""
        place = replace(self.admin.target, database=database, user=self.database_spec.user)
        try:
            return PsycopgClient(place, password.value).look()
        except PostgresError as error:
            return error

    def schema(self) -> SchemaState | PostgresError:
        """Schema public as the administrator sees it, where they may go into that database."""
        try:
            with self._translate_errors(sessions=False):
                return self._client.schema(self.database_spec.name, self.database_spec.user)
        except PostgresError as error:
            return error

    def create_role(self, password: KnownPassword) -> None:
        """Make the role; what somebody else made meanwhile is looked at again."""
        try:
            self._client.create_role(self.database_spec.user, password.value, self.label)
        except StatementError as error:
            if error.sqlstate in DUPLICATES:
                return
            raise self._role_error(error) from None
        except PostgresError as error:
            raise self._session_error(error) from None

    def run(self, statements: Sequence[Composed], database: str = "") -> None:
        """Each statement for itself; a database that somebody else made meanwhile is theirs."""
        with self._translate_errors():
            try:
                self._client.run(statements, database)
            except StatementError as error:
                if error.sqlstate not in DUPLICATES:
                    raise

    @property
    def _client(self) -> Administrator:
        return Administrator(self.admin.target, self.admin.secret)

    @contextmanager
    def _translate_errors(self, *, sessions: bool = True) -> Iterator[None]:
        try:
            yield
        except PostgresError as error:
            if not sessions:
                raise
            raise self._session_error(error) from None
        except StatementError as error:
            raise WizardError(
                f"{self.database_spec.endpoint} refuses it: {escape_unprintable(error.message)}",
                HANDOVER,
            ) from None

    def _session_error(self, error: PostgresError) -> WizardError:
        said = escape_unprintable(error.message)
        if error.kind == "unsafe":
            said = f"no SCRAM: {said}; the password was not sent"
        who = escape_unprintable(self.admin.target.user)
        return WizardError(
            f"{who} at {self.database_spec.endpoint}: {said}",
            _LOGIN_FIXES.get(error.kind, HANDOVER),
        )

    def _role_error(self, error: StatementError) -> WizardError:
        said = escape_unprintable(error.message)
        if error.sqlstate == FORBIDDEN or "password" not in said.casefold():
            return WizardError(f"{self.database_spec.endpoint} makes no role: {said}", HANDOVER)
        # Some managed servers check a password's text, and so refuse one that is hashed here.
        return WizardError(
            f"{self.database_spec.endpoint} refuses the role's password, which is sent hashed and "
            f"never in clear: {said}",
            f"have its owner make the role {self.user} the way that service wants it, with the "
            f"password from the store, and run the rest: airflow-wizard handover --owner dba",
        )
