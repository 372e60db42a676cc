"""One role and its database: read and changed as administrator, tested by the role's own login."""

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
    "unreachable": "run this on a machine in the server's network, or set PGHOSTADDR to the "
    "address of the server as seen from here",
    "tls": Fix(
        "compare database.sslmode and database.ca.file with the server's certificate",
        "database.sslmode",
    ),
    "unsafe": "use an administrator with a SCRAM password; or " + HANDOVER,
    "password": "check the administrator's name and password with the server's owner",
    "database": "set PGDATABASE to a database of that server",
    "refused": "see the server's message; or " + HANDOVER,
}


class DatabaseAccess:
    """Access to one role and database, shared by its three steps; failures are WizardErrors."""

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
        """Return the role's password, or a status with the reason why it is not known."""
        return self._passwords.find_password(self.database_spec)

    def read_state(self) -> AdminSnapshot:
        """Return the role and the database as they are now, as the administrator sees them."""
        with self._translate_errors():
            seen = self._client.look(self.database_spec.user, self.database_spec.name)
        if seen.read_only:
            raise WizardError(
                f"{self.database_spec.endpoint} is a read-only standby",
                "set the host to the primary server",
            )
        return seen

    def login(self, password: KnownPassword, database: str) -> PostgresServer | PostgresError:
        """Log in as the role itself and return what the session sees; writes nothing."""
        place = replace(self.admin.target, database=database, user=self.database_spec.user)
        try:
            return PsycopgClient(place, password.value).look()
        except PostgresError as error:
            return error

    def schema(self) -> SchemaState | PostgresError:
        """Return schema public as the administrator sees it, or the error of the connection."""
        try:
            with self._translate_errors(sessions=False):
                return self._client.schema(self.database_spec.name, self.database_spec.user)
        except PostgresError as error:
            return error

    def create_role(self, password: KnownPassword) -> None:
        """Create the role; if somebody else has just created it, the next look checks it."""
        try:
            self._client.create_role(self.database_spec.user, password.value, self.label)
        except StatementError as error:
            if error.sqlstate in DUPLICATES:
                return
            raise self._role_error(error) from None
        except PostgresError as error:
            raise self._session_error(error) from None

    def run(self, statements: Sequence[Composed], database: str = "") -> None:
        """Run each statement separately; a database that already exists by then is not an error."""
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
                f"{self.database_spec.endpoint} refuses the statement: "
                f"{escape_unprintable(error.message)}",
                HANDOVER,
            ) from None

    def _session_error(self, error: PostgresError) -> WizardError:
        message = escape_unprintable(error.message)
        if error.kind == "unsafe":
            message = f"no SCRAM: {message}; the password was not sent"
        who = escape_unprintable(self.admin.target.user)
        return WizardError(
            f"{who} at {self.database_spec.endpoint}: {message}",
            _LOGIN_FIXES.get(error.kind, HANDOVER),
        )

    def _role_error(self, error: StatementError) -> WizardError:
        message = escape_unprintable(error.message)
        if error.sqlstate == FORBIDDEN or "password" not in message.casefold():
            return WizardError(
                f"{self.database_spec.endpoint} refuses to create the role: {message}", HANDOVER
            )
        # Some managed servers check the text of a password and refuse a hashed one.
        return WizardError(
            f"{self.database_spec.endpoint} refuses the role's password, which is always sent "
            f"hashed: {message}",
            f"have its owner create the role {self.user} with that service's own tools and the "
            f"password from the store, then run the rest: airflow-wizard handover --owner dba",
        )
