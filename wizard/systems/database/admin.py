"""The PostgreSQL administrator that `apply` logs in as to create roles and databases.

Nothing is used silently. An option names the administrator, and everything that the PG*
variables (libpq's own names) add is shown before anything is sent. Default files of libpq, such as
~/.pgpass, are not read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard.clients.postgres.client import PostgresTarget
from wizard.engine.probes import ProbeResult, unknown_result
from wizard.errors import RefusedError, UsageError
from wizard.formats.terminal import escape_unprintable
from wizard.questions.cases import SEPARATE_RESULT_BACKEND
from wizard.secrets.payload import collect_facts
from wizard.secrets.references import SecretRef
from wizard.secrets.resolve import resolve_reference
from wizard.systems.situation import Situation
from wizard.workspace.consent import require_reference_keys

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.answers.model import Answers
    from wizard.clients.postgres.client import PostgresTarget
    from wizard.manifests.release import Release
    from wizard.secrets.facts import Fact
    from wizard.workspace.installation import CommittedInstallation

ADMIN_OPTION = "--database-admin"
PASSWORD_FIX = "export PGPASSWORD, or set PGPASSFILE to a libpq password file"  # noqa: S105 - a hint, no password
_PASSWORD = "database.password"  # noqa: S105 - a key, not a value
_MAX_NAME_BYTES = 63
# One field between colons; a backslash escapes the next character.
_FIELD = re.compile(r"((?:\\.|[^:])*)(?::|$)")
_READABLE_KINDS = {"env", "file", "prompt"}


@dataclass(frozen=True, slots=True)
class DatabaseSpec:
    """A role and the database that it owns; `key` is the dotted prefix of their questions."""

    key: str
    title: str
    host: str
    port: int
    name: str
    user: str
    fact: Fact

    @property
    def endpoint(self) -> str:
        """Host and port, with an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def password(self) -> str:
        """The dotted key of the password question."""
        return f"{self.key}.password"


@dataclass
class Admin:
    """An administrator of the metadata database's server.

    `target` is the database to log in to, and `source` names the origin of the administrator's
    password. `role_passwords` maps the key of a password question to the role's password, or to the
    reason why its reference gives no password. `unlock` prompts for passwords and fills
    `role_passwords`.
    """

    target: PostgresTarget
    source: str
    situation: Situation
    database_specs: tuple[DatabaseSpec, ...]
    login_password: SecretStr | None = field(default=None, repr=False)
    role_passwords: dict[str, SecretStr | ProbeResult] = field(default_factory=dict, repr=False)

    @property
    def identity(self) -> str:
        """The login, the server and the source of the password, without the password."""
        own = self.target
        route = ""
        if own.route:
            address = f"[{own.route[0]}]" if ":" in own.route[0] else own.route[0]
            route = f", reached at {address}:{own.route[1]} (PGHOSTADDR)"
        clear = {"disable", "prefer"} & {own.sslmode}
        weak = f", sslmode={own.sslmode}: statements may be sent unencrypted" if clear else ""
        return escape_unprintable(
            f"PostgreSQL at {own.endpoint}{route}: {own.user} in database {own.database}, "
            f"password from {self.source}{weak}"
        )

    def serves(self, one: DatabaseSpec) -> bool:
        """Return whether the role and database belong on this administrator's server."""
        return (one.host, one.port) == (self.target.host, self.target.port)

    def unlock(self) -> None:
        """Read or prompt for the passwords; nothing is sent.

        Raises WizardError when a password is missing.
        """
        if self.login_password is None:
            assert self.situation.prompt is not None  # noqa: S101 - `prepare_admin` ensures it
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
                f"{one.password} needs a prompt, but there is no terminal",
                "run this on a terminal, or put the password into the store: "
                "airflow-wizard secrets",
            )
        places = (f"{one.key}.host", f"{one.key}.port")
        return self.situation.secret(one.password, *places, where=one.endpoint)

    @property
    def secret(self) -> SecretStr:
        """The administrator's password; call `unlock` first."""
        assert self.login_password is not None  # noqa: S101 - callers unlock before they run steps
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
    """Return the named administrator, completed from the PG* variables; nothing is sent.

    `ask` confirms and `prompt` reads a value without echo; both are None without a terminal. Raises
    UsageError for an unusable name, variable or file, and RefusedError when the target
    branch does not name this server yet and the login is not confirmed (see
    `wizard.workspace.consent`).
    """
    answers, release = found.proposal.answers, found.proposal.rendering.release
    own = answers.database
    if own.kind != "external":
        raise UsageError(
            f"{ADMIN_OPTION}: database.kind is {own.kind}, which has no external server",
            "remove the option: the chart creates this database",
        )
    allowed = frozenset(allowed)
    require_reference_keys(allowed, answers)
    variables = os.environ if environ is None else environ
    _require_name(user)
    agreed = found.start.workspace.target_answers(found.name)
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
    """Return the roles and databases of an installation, the metadata database first."""
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
            f"{ADMIN_OPTION}: this is not a role name",
            "give a printable name of at most 63 bytes, such as postgres",
        )


def _route(variables: Mapping[str, str], port: int) -> tuple[str, int] | None:
    """Return the address from PGHOSTADDR and PGPORT; None when the host of the answers is used."""
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
            "PGHOSTADDR is not an IP address, or PGPORT is not a port",
            "set both to the address of the server as seen from this machine, or unset both",
        )
    return found, number


def _find_password(
    target: PostgresTarget, variables: Mapping[str, str], *, asks: bool
) -> tuple[str, SecretStr | None]:
    """Return the source of the administrator's password, and its value; None for a prompt."""
    if variables.get("PGPASSWORD"):
        return "PGPASSWORD", SecretStr(variables["PGPASSWORD"])
    if file := variables.get("PGPASSFILE"):
        return f"{file} (PGPASSFILE)", _read_password_file(file, target)
    if not asks:
        raise UsageError(
            f"{ADMIN_OPTION}: no password found for {escape_unprintable(target.user)}, "
            "and there is no terminal to prompt on",
            PASSWORD_FIX,
        )
    return "the terminal", None


def _read_password_file(file: str, target: PostgresTarget) -> SecretStr:
    """Return the password of the first matching line (PostgreSQL manual, "The Password File")."""
    try:
        reference = SecretRef(file=file)
    except ValueError:
        raise UsageError("PGPASSFILE is not a path", PASSWORD_FIX) from None
    text = resolve_reference(reference, "PGPASSFILE", lines=True).get_secret_value()
    ports = {str(target.port)} | ({str(target.route[1])} if target.route else set())
    own: tuple[Collection[str], ...] = ({target.host}, ports, {target.database}, {target.user})
    for line in text.splitlines():
        parts = [found[1] for found in _FIELD.finditer(line)]
        # A line that ends after the user gives one more field, which is empty, and no password.
        if line.startswith("#") or not any(parts[len(own) :]):
            continue
        pairs = zip(parts, own, strict=False)
        if all(part == "*" or _unescape(part) in names for part, names in pairs):
            return SecretStr(_unescape(parts[len(own)]))
    raise UsageError(
        f"PGPASSFILE: {escape_unprintable(file)} has no line for "
        f"{escape_unprintable(target.user)} at {target.endpoint}, "
        f"database {escape_unprintable(target.database)}",
        "add the line HOST:PORT:DATABASE:USER:PASSWORD; * matches anything",
    )


def _unescape(part: str) -> str:
    """Return the field without the backslashes that escape colons."""
    return re.sub(r"\\(.)", r"\1", part)
