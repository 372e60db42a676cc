"""Steps that create Airflow's role and database, as the administrator that an option names.

Existing objects are never altered. A role is checked by a login with its password, a database by
its owner and the role's rights in it. Since PostgreSQL 15 only the owner can use schema public.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from wizard.clients.postgres.admin import (
    database_statements,
    render_statements,
    role_statements,
    schema_statements,
)
from wizard.clients.postgres.client import PostgresError
from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix, RefusedError
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.postgres import quote_identifier
from wizard.systems.database.admin import Admin
from wizard.systems.database.password import HANDOVER, KnownPassword, Passwords
from wizard.systems.database.role_and_database import DatabaseAccess

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from wizard.clients.postgres.admin import AdminSnapshot, DatabaseState, RoleState
    from wizard.systems.database.admin import DatabaseSpec
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import Target


class _StepWork(Protocol):
    def look(self) -> StepStatus: ...
    def change(self) -> str: ...
    def dry_run_change(self) -> str: ...


def build_database_steps(target: Target, session: StoreLogin | None) -> tuple[Step, ...]:
    """Return the role, database and schema steps; none when no administrator is named.

    `session` is the run's login to the store, which holds the passwords.
    """
    admin = target.database
    if not isinstance(admin, Admin):
        return ()
    passwords = Passwords(admin, session)
    found: list[Step] = []
    for one in admin.database_specs:
        if not admin.serves(one):
            found.append(_leave_to_owner(one, admin))
            continue
        side = DatabaseAccess(admin, one, passwords, target.release.installation)
        found += [
            _build_step(f"{one.key}.role", f"Create role {side.user}", side, _Role(side)),
            _build_step(
                f"{one.key}.create", f"Create {one.title} {side.name}", side, _Database(side)
            ),
            _build_step(
                f"{one.key}.schema",
                f"Grant role {side.user} schema public of {side.name}",
                side,
                _Schema(side),
            ),
        ]
    return tuple(found)


def _build_step(name: str, title: str, side: DatabaseAccess, step: _StepWork) -> Step:
    return Step(
        name,
        title,
        "dba",
        side.database_spec.endpoint,
        wrap_blocking(step.look),
        wrap_blocking(step.change),
        wrap_blocking(step.dry_run_change),
    )


def _leave_to_owner(one: DatabaseSpec, admin: Admin) -> Step:
    async def look() -> StepStatus:
        other = f"{escape_unprintable(admin.target.user)} administers {admin.target.endpoint}"
        return StepStatus("unknown", f"skipped: {other}", Fix(HANDOVER))

    title = f"Create {one.title} {escape_unprintable(quote_identifier(one.name))}"
    return Step(f"{one.key}.create", title, "dba", one.endpoint, look)


class _Role:
    """A role that can log in with the password that Airflow will use."""

    def __init__(self, side: DatabaseAccess) -> None:
        self._side = side

    def look(self) -> StepStatus:
        seen = self._side.read_state()
        known = self._side.find_password()
        if seen.role is not None:
            return self._check_existing(seen, seen.role, known)
        if isinstance(known, StepStatus):
            return StepStatus("unknown", f"the role does not exist yet; {known.detail}", known.fix)
        self._require_rights(seen)
        return StepStatus("wanted", "the role does not exist yet")

    def _require_rights(self, seen: AdminSnapshot) -> None:
        missing = [] if seen.may_create_roles else ["CREATEROLE"]
        # Checked here too, so that no role is created if its database cannot be created.
        if seen.database is None and not seen.may_create_databases:
            missing.append("CREATEDB")
        if missing:
            raise RefusedError(
                f"{escape_unprintable(seen.administrator)} does not have {' and '.join(missing)}",
                f"log in as an administrator with that right; or {HANDOVER}",
            )

    def _check_existing(
        self, seen: AdminSnapshot, role: RoleState, known: KnownPassword | StepStatus
    ) -> StepStatus:
        user = self._side.user
        if not role.may_log_in:
            return StepStatus(
                "blocked",
                "the role exists and cannot log in",
                Fix(f"its owner runs: ALTER ROLE {user} LOGIN"),
            )
        if role.expired:
            return StepStatus(
                "blocked",
                "the role exists, and its password has expired",
                Fix(f"its owner runs: ALTER ROLE {user} VALID UNTIL 'infinity'"),
            )
        if isinstance(known, StepStatus):
            return StepStatus("unknown", f"the role exists; {known.detail}", known.fix)
        found = self._side.login(known, self._login_database(seen))
        if not isinstance(found, PostgresError):
            return StepStatus("holds", f"logged in with SCRAM and the password from {known.source}")
        message = escape_unprintable(found.message)
        if found.kind in {"unreachable", "refused"}:
            return StepStatus("unknown", f"the role exists; its login was not tested: {message}")
        return StepStatus(
            "blocked",
            f"the role exists, and a login with the password from {known.source} fails: {message}",
            Fix(f"correct that password; or the role's owner sets it in psql: \\password {user}"),
        )

    def _login_database(self, seen: AdminSnapshot) -> str:
        return self._side.database_spec.name if seen.database else self._side.admin.target.database

    def change(self) -> str:
        known = self._side.find_password()
        assert isinstance(known, KnownPassword)  # noqa: S101 - else `look` did not ask for a change
        self._side.create_role(known)
        return f"created the role with the password from {known.source}"

    def dry_run_change(self) -> str:
        return _render_statements(role_statements(self._side.database_spec.user, self._side.label))


class _Database:
    """A database in UTF-8 that the role owns or can create tables in."""

    def __init__(self, side: DatabaseAccess) -> None:
        self._side = side

    def look(self) -> StepStatus:
        seen = self._side.read_state()
        if seen.database is not None:
            return self._check_existing(seen.database)
        if seen.role is None and isinstance(self._side.find_password(), StepStatus):
            return StepStatus(
                "unknown", "neither the database nor its role exists yet", Fix(HANDOVER)
            )
        who = escape_unprintable(seen.administrator)
        if not seen.may_create_databases:
            raise RefusedError(
                f"{who} does not have CREATEDB",
                f"log in as an administrator with that right; or {HANDOVER}",
            )
        if seen.role is not None and not (seen.role.may_be_owner or seen.may_grant):
            raise RefusedError(
                f"{who} is not a member of {self._side.user} and cannot become one",
                f"the administrator of that role runs: GRANT {self._side.user} TO "
                f"{escape_unprintable(quote_identifier(seen.administrator))}",
            )
        return StepStatus("wanted", "the database does not exist yet")

    def _check_existing(self, found: DatabaseState) -> StepStatus:
        name, user = self._side.name, self._side.user
        if not found.open:
            return StepStatus(
                "blocked", "the database accepts no connections", Fix("ask its owner why")
            )
        if found.encoding != "UTF8":
            question = f"{self._side.database_spec.key}.name"
            return StepStatus(
                "blocked",
                f"the database is in {found.encoding}: Airflow needs UTF8",
                Fix(
                    f"set {question} to another name, or have its owner recreate the database",
                    question,
                ),
            )
        if found.owner == self._side.database_spec.user:
            return StepStatus("holds", f"owned by {user}, UTF8")
        owner = escape_unprintable(quote_identifier(found.owner))
        usable, detail = _check_usability(self._side)
        if usable is not False:
            return StepStatus("holds" if usable else "unknown", f"owned by {owner}, UTF8; {detail}")
        return StepStatus(
            "blocked",
            f"the database is owned by {owner}, and {user} cannot create tables in it",
            Fix(
                f"its owner runs in that database: GRANT CONNECT ON DATABASE {name} TO {user}; "
                f"{_render_statements(schema_statements(self._side.database_spec.user))}"
            ),
            f"-owner of {name}: {owner}\n+owner of {name}: {user}",
        )

    def change(self) -> str:
        self._side.run(self._statements())
        return f"created the database for {self._side.user}"

    def dry_run_change(self) -> str:
        return _render_statements(self._statements())

    def _statements(self) -> Sequence[Composed]:
        one = self._side.database_spec
        return database_statements(one.name, one.user, self._side.read_state())


class _Schema:
    """Schema public, in which the database's owner may lack rights, on older servers too."""

    def __init__(self, side: DatabaseAccess) -> None:
        self._side = side

    def look(self) -> StepStatus:
        if self._side.read_state().database is None:
            return StepStatus(
                "unknown", "the database does not exist yet; its owner can use schema public"
            )
        usable, detail = _check_usability(self._side)
        if usable is None or usable:
            return StepStatus("holds" if usable else "unknown", detail)
        state = self._side.schema()
        if isinstance(state, PostgresError) or not state.may_grant:
            return StepStatus(
                "blocked",
                f"{detail}, and {escape_unprintable(self._side.admin.target.user)} cannot grant it",
                Fix(f"the schema's owner runs in that database: {self.dry_run_change()}"),
            )
        return StepStatus("wanted", detail)

    def change(self) -> str:
        self._side.run(
            schema_statements(self._side.database_spec.user), self._side.database_spec.name
        )
        return "granted schema public"

    def dry_run_change(self) -> str:
        return _render_statements(schema_statements(self._side.database_spec.user))


def _check_usability(side: DatabaseAccess) -> tuple[bool | None, str]:
    """Return whether the role can create tables in its database, and a sentence that says so.

    None means unknown. The role's own login is tested; if its password is not known, the
    administrator's view of the schema decides.
    """
    known = side.find_password()
    if isinstance(known, KnownPassword):
        found = side.login(known, side.database_spec.name)
        if not isinstance(found, PostgresError):
            schema = escape_unprintable(found.schema) or "public"
            may = bool(found.schema) and found.may_create_tables
            return may, f"the role logs in and can{'' if may else 'not'} create tables in {schema}"
    state = side.schema()
    if isinstance(state, PostgresError):
        return None, f"the schema was not readable: {escape_unprintable(state.message)}"
    return state.usable, f"the role can{'' if state.usable else 'not'} create tables in public"


def _render_statements(statements: Sequence[Composed]) -> str:
    return escape_unprintable(render_statements(statements))
