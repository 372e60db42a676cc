"""The role and the database that Airflow logs in to, made by an administrator who was named.

What exists is never altered: a role is proven by a login with its password, a database by its owner
and by what the role may do there. PostgreSQL 15 closed schema public to all but the owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from wizard.clients.postgres.admin import (
    database_statements,
    role_statements,
    schema_statements,
    shown,
)
from wizard.clients.postgres.client import PostgresError
from wizard.engine.actions import Action, Look
from wizard.engine.probes import blocking
from wizard.errors import RefusedError
from wizard.formats.terminal import visible
from wizard.manifests.postgres import identifier
from wizard.systems.database.password import HANDOVER, Known, Passwords
from wizard.systems.database.role_and_database import Side

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from wizard.clients.postgres.admin import DatabaseState, RoleState, Standing
    from wizard.systems.database.admin import Admin, Wanted
    from wizard.systems.target import Target
    from wizard.systems.vault.session import Session


class _Step(Protocol):
    def look(self) -> Look: ...
    def change(self) -> str: ...
    def rehearse(self) -> str: ...


def actions(target: Target, session: Session | None) -> tuple[Action, ...]:
    """Role, database and schema public for each database of the installation; none unasked.

    `session` is the run's login to Vault, where passwords are read that the store holds.
    """
    admin = target.database
    if admin is None:
        return ()
    passwords = Passwords(admin, session)
    found: list[Action] = []
    for one in admin.wanted:
        if not admin.serves(one):
            found.append(_left(one, admin))
            continue
        side = Side(admin, one, passwords, target.release.installation)
        found += [
            _action(f"{one.key}.role", f"Create role {side.user}", side, _Role(side)),
            _action(f"{one.key}.create", f"Create {one.title} {side.name}", side, _Database(side)),
            _action(
                f"{one.key}.schema",
                f"Let role {side.user} make tables in {side.name}",
                side,
                _Schema(side),
            ),
        ]
    return tuple(found)


def _action(name: str, title: str, side: Side, step: _Step) -> Action:
    return Action(
        name,
        title,
        "dba",
        side.one.endpoint,
        blocking(step.look),
        blocking(step.change),
        blocking(step.rehearse),
    )


def _left(one: Wanted, admin: Admin) -> Action:
    async def look() -> Look:
        other = f"{visible(admin.target.user)} was named for {admin.target.endpoint}"
        return Look("unknown", f"left to its owner: {other}", HANDOVER)

    title = f"Create {one.title} {visible(identifier(one.name))}"
    return Action(f"{one.key}.create", title, "dba", one.endpoint, look)


class _Role:
    """A role that may log in, with the password that Airflow will use."""

    def __init__(self, side: Side) -> None:
        self._side = side

    def look(self) -> Look:
        seen = self._side.seen()
        known = self._side.known()
        if seen.role is not None:
            return self._standing(seen, seen.role, known)
        if isinstance(known, Look):
            return Look("unknown", f"there is no such role yet; {known.detail}", known.fix)
        self._require_rights(seen)
        return Look("wanted", "there is no such role yet")

    def _require_rights(self, seen: Standing) -> None:
        lacks = [] if seen.may_create_roles else ["CREATEROLE"]
        # Else a role would be left behind without its database.
        if seen.database is None and not seen.may_create_databases:
            lacks.append("CREATEDB")
        if lacks:
            raise RefusedError(
                f"{visible(seen.administrator)} lacks {' and '.join(lacks)}",
                f"log in as an administrator that has it; or {HANDOVER}",
            )

    def _standing(self, seen: Standing, role: RoleState, known: Known | Look) -> Look:
        user = self._side.user
        if not role.may_log_in:
            return Look(
                "blocked",
                "it exists and may not log in",
                f"its owner runs: ALTER ROLE {user} LOGIN",
            )
        if role.expired:
            return Look(
                "blocked",
                "it exists, and its password has expired",
                f"its owner runs: ALTER ROLE {user} VALID UNTIL 'infinity'",
            )
        if isinstance(known, Look):
            return Look("unknown", f"it exists; {known.detail}", known.fix)
        found = self._side.login(known, self._place(seen))
        if not isinstance(found, PostgresError):
            return Look("holds", f"it logs in by SCRAM with the password from {known.source}")
        said = visible(found.message)
        if found.kind in {"unreachable", "refused"}:
            return Look("unknown", f"it exists; its login could not be tried: {said}")
        return Look(
            "blocked",
            f"it exists, and the password from {known.source} does not log in: {said}",
            f"correct that password; or the role's owner sets it in psql: \\password {user}",
        )

    def _place(self, seen: Standing) -> str:
        return self._side.one.name if seen.database else self._side.admin.target.database

    def change(self) -> str:
        known = self._side.known()
        assert isinstance(known, Known)  # noqa: S101 - else `look` did not ask for a change
        self._side.create_role(known)
        return f"created it with the password from {known.source}"

    def rehearse(self) -> str:
        return _shown(role_statements(self._side.one.user, self._side.label))


class _Database:
    """A database in UTF-8 that the role owns, or may at least make tables in."""

    def __init__(self, side: Side) -> None:
        self._side = side

    def look(self) -> Look:
        seen = self._side.seen()
        if seen.database is not None:
            return self._standing(seen.database)
        if seen.role is None and isinstance(self._side.known(), Look):
            return Look("unknown", "there is no such database yet, nor its role", HANDOVER)
        who = visible(seen.administrator)
        if not seen.may_create_databases:
            raise RefusedError(
                f"{who} lacks CREATEDB", f"log in as an administrator that has it; or {HANDOVER}"
            )
        if seen.role is not None and not (seen.role.given or seen.may_grant):
            raise RefusedError(
                f"{who} is no member of {self._side.user}, and may not make itself one",
                f"who administers that role runs: GRANT {self._side.user} TO "
                f"{visible(identifier(seen.administrator))}",
            )
        return Look("wanted", "there is no such database yet")

    def _standing(self, found: DatabaseState) -> Look:
        name, user = self._side.name, self._side.user
        if not found.open:
            return Look("blocked", "it exists and takes no connections", "ask its owner why")
        if found.encoding != "UTF8":
            return Look(
                "blocked",
                f"it exists in {found.encoding}: Airflow needs UTF8",
                f"name another in {self._side.one.key}.name, or have its owner make it again",
            )
        if found.owner == self._side.one.user:
            return Look("holds", f"owned by {user}, UTF8")
        owner = visible(identifier(found.owner))
        usable, said = _usability(self._side)
        if usable is not False:
            return Look("holds" if usable else "unknown", f"owned by {owner}, UTF8; {said}")
        return Look(
            "blocked",
            f"it is owned by {owner}, and {user} may not make tables in it",
            f"its owner runs in it: GRANT CONNECT ON DATABASE {name} TO {user}; "
            f"{_shown(schema_statements(self._side.one.user))}",
            f"-owner of {name}: {owner}\n+owner of {name}: {user}",
        )

    def change(self) -> str:
        self._side.run(self._statements())
        return f"created it for {self._side.user}"

    def rehearse(self) -> str:
        return _shown(self._statements())

    def _statements(self) -> Sequence[Composed]:
        one = self._side.one
        return database_statements(one.name, one.user, self._side.seen())


class _Schema:
    """Schema public, which older servers' databases may have closed to their owner too."""

    def __init__(self, side: Side) -> None:
        self._side = side

    def look(self) -> Look:
        if self._side.seen().database is None:
            return Look("unknown", "there is no such database yet; in a new one its owner may")
        usable, said = _usability(self._side)
        if usable is None or usable:
            return Look("holds" if usable else "unknown", said)
        state = self._side.schema()
        if isinstance(state, PostgresError) or not state.may_grant:
            return Look(
                "blocked",
                f"{said}, and {visible(self._side.admin.target.user)} may not grant it",
                f"the schema's owner runs in that database: {self.rehearse()}",
            )
        return Look("wanted", said)

    def change(self) -> str:
        self._side.run(schema_statements(self._side.one.user), self._side.one.name)
        return "granted schema public"

    def rehearse(self) -> str:
        return _shown(schema_statements(self._side.one.user))


def _usability(side: Side) -> tuple[bool | None, str]:
    """Whether the role may make tables in its database, None where nobody can tell; in words.

    Its own login tells best; without its password the administrator looks.
    """
    known = side.known()
    if isinstance(known, Known):
        found = side.login(known, side.one.name)
        if not isinstance(found, PostgresError):
            schema = visible(found.schema) or "public"
            may = bool(found.schema) and found.may_create_tables
            return may, f"it logs in and may{'' if may else ' not'} make tables in schema {schema}"
    state = side.schema()
    if isinstance(state, PostgresError):
        return None, f"nobody could look into it: {visible(state.message)}"
    return state.usable, f"it may{'' if state.usable else ' not'} make tables in schema public"


def _shown(statements: Sequence[Composed]) -> str:
    return visible(shown(statements))
