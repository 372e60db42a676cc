"""Who `apply` is to PostgreSQL when asked to make role and database, and whose passwords it holds.

Nothing is picked up silently: the administrator is named by an option, and what PG* variables add
(libpq's own names) is told before anything is sent. Files of libpq's that nobody named play no
part.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard.answers.conditions import SEPARATE_RESULT_BACKEND
from wizard.clients.postgres.client import PostgresTarget
from wizard.engine.probes import ProbeResult, unknown_result
from wizard.errors import RefusedError, UsageError
from wizard.formats.terminal import escape_unprintable
from wizard.secrets.payload import collect_facts
from wizard.secrets.references import SecretRef
from wizard.secrets.resolve import resolve_reference
from wizard.systems.situation import Situation
from wizard.workspace.consent import require_reference_keys, target_answers

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.answers.model import Answers
    from wizard.clients.postgres.client import PostgresTarget
    from wizard.manifests.release import Release
    from wizard.secrets.facts import Fact
    from wizard.workspace.installation import CommittedInstallation

ADMIN_OPTION = "--database-admin"
PASSWORD_FIX = "export PGPASSWORD, or name a password file of libpq's in PGPASSFILE"  # noqa: S105 - a hint, no password
_PASSWORD = "database.password"  # noqa: S105 - a key, not a value
_MAX_NAME_BYTES = 63
# What stands between colons; a backslash takes the meaning from what follows it.
_FIELD = re.compile(r"((?:\\.|[^:])*)(?::|$)")
_READABLE_KINDS = {"env", "file", "prompt"}


@dataclass(frozen=True, slots=True)
class DatabaseSpec:
    """A role and the database that it owns; `key` begins the dotted keys of their questions."""

    key: str
    title: str
    host: str
    port: int
    name: str
    user: str
    fact: Fact

    @property
    def endpoint(self) -> str:
        """As a person writes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def password(self) -> str:
        """The question that its password comes from."""
        return f"{self.key}.password"


@dataclass
class Admin:
    """An administrator of the metadata database's server.

    `target` is the database to log in to, `source` says where the password comes from. `held` are
    the roles' passwords by question, or why one is not known from its reference; it is filled by
    `unlock`, which also asks for what is typed.
    """

    target: PostgresTarget
    source: str
    situation: Situation
    database_specs: tuple[DatabaseSpec, ...]
    login_password: SecretStr | None = field(default=None, repr=False)
    role_passwords: dict[str, SecretStr | ProbeResult] = field(default_factory=dict, repr=False)

    @property
    def identity(self) -> str:
        """Who this is to whom, without the secret."""
        own = self.target
        route = ""
        if own.route:
            address = f"[{own.route[0]}]" if ":" in own.route[0] else own.route[0]
            route = f", reached at {address}:{own.route[1]} (PGHOSTADDR)"
        clear = {"disable", "prefer"} & {own.sslmode}
        weak = f", sslmode={own.sslmode}: statements may travel in clear" if clear else ""
        return escape_unprintable(
            f"PostgreSQL at {own.endpoint}{route}: {own.user} in database {own.database}, "
            f"password from {self.source}{weak}"
        )

    def serves(self, one: DatabaseSpec) -> bool:
        """Whether a role and database are to be on the server that this one administers."""
        return (one.host, one.port) == (self.target.host, self.target.port)

    def unlock(self) -> None:
        """Read and ask for the passwords; nothing is sent. Raises WizardError without one."""
        if self.login_password is None:
            assert self.situation.prompt is not None  # noqa: S101 - `prepare_admin` saw to it
            self.login_password = SecretStr(
                self.situation.prompt(f"password of {self.target.user}")
            )
        for one in self.database_specs:
            if self.serves(one):
                self.role_passwords[one.password] = self._role_password(one)

    def _role_password(self, one: DatabaseSpec) -> SecretStr | ProbeResult:
        reference = one.fact.reference
        if reference is not None and reference.kind == "prompt" and self.situation.prompt is None:
            return unknown_result(
                f"{one.password} is asked for, and there is no terminal to ask on",
                "run it on a terminal, or have the store hold it: airflow-wizard secrets",
            )
        places = (f"{one.key}.host", f"{one.key}.port")
        return self.situation.secret(one.password, *places, where=one.endpoint)

    @property
    def secret(self) -> SecretStr:
        """The administrator's password, once unlocked."""
        assert self.login_password is not None  # noqa: S101 - whoever runs actions unlocks first
        return self.login_password


def prepare_admin(
    user: str,
    found: CommittedInstallation,
    *,
    allowed: Iterable[str] = (),
    ask: Callable[[str], bool] | None = None,
    prompt: Callable[[str], str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Admin:
    """The administrator that was named, with what the PG* variables say; nothing is sent.

    `ask` and `prompt` put a question and ask without echo; None where nobody is there. Raises
    UsageError for what cannot be used, RefusedError where the server is new to the target branch
    and nobody agreed to a login there (see `wizard.workspace.consent`).
    """
    answers, release = found.proposal.answers, found.proposal.rendering.release
    own = answers.database
    if own.kind != "external":
        raise UsageError(
            f"{ADMIN_OPTION}: database.kind is {own.kind}, and has no server of its own",
            "leave the option out: the chart makes that database",
        )
    allowed = frozenset(allowed)
    require_reference_keys(allowed)
    variables = os.environ if environ is None else environ
    _require_name(user)
    agreed = target_answers(found.start.workspace, found.name, answers.repository.branch)
    situation = Situation(
        answers=answers,
        release=release,
        agreed=agreed,
        allowed=allowed,
        ask=ask,
        prompt=prompt,
        folder=found.start.folder,
        stored=True,
    )
    target = PostgresTarget(
        own.host,
        own.port,
        variables.get("PGDATABASE") or "postgres",
        user,
        own.sslmode,
        situation.asset("database.ca.file"),
        _route(variables, own.port),
    )
    reference = own.password
    reads = (
        f" and give the role the password from {reference}"
        if reference.kind in _READABLE_KINDS
        else ""
    )
    use = f"log in as {escape_unprintable(user)} at {target.endpoint}{reads}"
    places = ("database.host", "database.port", "database.sslmode", "database.ca.file")
    refused = situation.refusal(_PASSWORD, *places, use=use)
    if refused is not None:
        raise RefusedError(refused.detail, refused.fix)
    agreed_now = replace(situation, allowed=allowed | {_PASSWORD})
    source, password = _find_password(target, variables, asks=prompt is not None)
    return Admin(target, source, agreed_now, list_databases(answers, release), password)


def list_databases(answers: Answers, release: Release) -> tuple[DatabaseSpec, ...]:
    """The roles and databases of an installation, the metadata database's first."""
    own = answers.database
    facts = {fact.key: fact for fact in collect_facts(own.contribute(release).secrets)}
    found = [
        DatabaseSpec("database", "database", own.host, own.port, own.name, own.user,
               facts["databasePassword"]),
    ]  # fmt: skip
    if SEPARATE_RESULT_BACKEND.holds(answers):
        back = own.result_backend
        found.append(
            DatabaseSpec("database.result_backend", "result backend", back.host, back.port,
                         back.name, back.user, facts["resultBackendPassword"])
        )  # fmt: skip
    return tuple(found)


def _require_name(user: str) -> None:
    if not user or not user.isprintable() or len(user.encode("utf-8")) > _MAX_NAME_BYTES:
        raise UsageError(
            f"{ADMIN_OPTION}: this is no role's name",
            "give one of at most 63 bytes, such as postgres",
        )


def _route(variables: Mapping[str, str], port: int) -> tuple[str, int] | None:
    """How this machine reaches the server, where it is not by the name that pods use."""
    import ipaddress

    address = variables.get("PGHOSTADDR", "")
    if not address:
        return None
    text = variables.get("PGPORT") or str(port)
    try:
        found = str(ipaddress.ip_address(address))
        number = int(text)
    except ValueError:
        found, number = "", 0
    if not (found and 0 < number < 1 << 16):
        raise UsageError(
            "PGHOSTADDR is no IP address, or PGPORT no port",
            "give the address that this machine reaches the server at, or unset both",
        )
    return found, number


def _find_password(
    target: PostgresTarget, variables: Mapping[str, str], *, asks: bool
) -> tuple[str, SecretStr | None]:
    """Where the administrator's password comes from, and it unless it is asked for."""
    if variables.get("PGPASSWORD"):
        return "PGPASSWORD", SecretStr(variables["PGPASSWORD"])
    if file := variables.get("PGPASSFILE"):
        return f"{file} (PGPASSFILE)", _read_password_file(file, target)
    if not asks:
        raise UsageError(
            f"{ADMIN_OPTION}: nothing holds the password of {escape_unprintable(target.user)}, "
            "and there is no terminal to ask on",
            PASSWORD_FIX,
        )
    return "the terminal", None


def _read_password_file(file: str, target: PostgresTarget) -> SecretStr:
    """The first line that fits, as libpq reads it (PostgreSQL manual, "The Password File")."""
    try:
        reference = SecretRef(file=file)
    except ValueError:
        raise UsageError("PGPASSFILE is no path", PASSWORD_FIX) from None
    text = resolve_reference(reference, "PGPASSFILE", lines=True).get_secret_value()
    ports = {str(target.port)} | ({str(target.route[1])} if target.route else set())
    own: tuple[Collection[str], ...] = ({target.host}, ports, {target.database}, {target.user})
    for line in text.splitlines():
        parts = [found[1] for found in _FIELD.finditer(line)]
        # What ends with the user has an empty field too, and no password.
        if line.startswith("#") or not any(parts[len(own) :]):
            continue
        pairs = zip(parts, own, strict=False)
        if all(part == "*" or _unescape(part) in names for part, names in pairs):
            return SecretStr(_unescape(parts[len(own)]))
    raise UsageError(
        f"PGPASSFILE: {escape_unprintable(file)} has no line for "
        f"{escape_unprintable(target.user)} at {target.endpoint}, "
        f"database {escape_unprintable(target.database)}",
        "add HOST:PORT:DATABASE:USER:PASSWORD, where * stands for any",
    )


def _unescape(part: str) -> str:
    """A field without the backslashes that let it hold colons."""
    return re.sub(r"\\(.)", r"\1", part)
