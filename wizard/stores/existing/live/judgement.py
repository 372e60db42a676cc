"""Judges a value in a Secret of others by what it must hold; no message quotes any part of it.

What a URL, a file or a connection must be follows from the same template from which External
Secrets would compose it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pydantic import SecretStr

from wizard.clients.redis import parse_broker_url
from wizard.secrets.deploy_key import read_private_key
from wizard.secrets.facts import Encoding, FactUse, Form
from wizard.secrets.generation import find_value_problem
from wizard.secrets.resolve import SecretError

if TYPE_CHECKING:
    from wizard.manifests.contribution import NeededKey
    from wizard.secrets.facts import Template

_SHORTEST_KEY = 32
_PLACEHOLDER = "placeholder"
_CLUSTER_SUFFIXES = (".svc.cluster.local", ".svc")
# Ports of URLs without one, by the scheme's last word.
_PORTS = {"postgresql": 5432, "redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong with a value, as the end of a sentence about its key."""

    level: Literal["fail", "warn"]
    text: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The hosts that a connection may name by mistake: PgBouncer's, and the database's."""

    pooler: str = ""
    database: str = ""
    namespace: str = ""


def judge_value(needed: NeededKey, value: str, around: Surroundings) -> Iterator[Remark]:
    """Yield the remarks on the value of a key; none if it fits."""
    if not value.strip():
        yield Remark("fail", "is empty")
        return
    text = _fill(needed.content)
    if text.startswith("{"):
        yield from _judge_connection(text, value)
    elif "://" in text:
        yield from _judge_url(text, value, around)
    elif isinstance(use := needed.content[0], FactUse):
        yield from _judge_fact(use, value, needed.question)
    else:
        yield from _judge_lines(text, value)


def judge_derived_url(url: str) -> Iterator[Remark]:
    """Yield a remark if asyncpg refuses the URL that Airflow derives from this one."""
    found = split_url(url.strip())
    if found is not None and "sslmode" in parse_qs(found.query):
        text = (
            "has sslmode, which fails in the asynchronous URL that Airflow derives from it: some "
            "API requests fail; put that URL in a key, and name it in "
            "secrets.existing.metadata.async_key"
        )
        yield Remark("warn", text)


def _fill(content: Template) -> str:
    """Return the text of a template, with a placeholder for each secret."""
    return "".join(
        (f'"{_PLACEHOLDER}"' if part.encoding is Encoding.JSON else _PLACEHOLDER)
        if isinstance(part, FactUse)
        else part
        for part in content
    )


def _judge_fact(use: FactUse, value: str, question: str) -> Iterator[Remark]:
    form = use.fact.form
    if form is Form.SSH_KEY:
        yield from _judge_private_key(value, question)
        return
    if value != value.strip():
        yield Remark("fail", "begins or ends with white space or a line break")
        return
    if problem := find_value_problem(use.fact, value):
        yield Remark("fail", problem)
    elif form is Form.KEY and len(value) < _SHORTEST_KEY:
        yield Remark("warn", f"is shorter than {_SHORTEST_KEY} characters")
    elif form is Form.GIVEN and use.fact.key == "brokerUrl":
        try:
            parse_broker_url(SecretStr(value))
        except ValueError as error:
            yield Remark("fail", f"cannot be the broker's URL: {error}")


def _judge_private_key(value: str, question: str) -> Iterator[Remark]:
    try:
        read_private_key(SecretStr(value), "it", "", question)
    except SecretError as error:
        yield Remark("fail", f"is not a private key that git-sync can use: {error.message}")
        return
    # Mounted as it is; OpenSSH refuses both.
    if "\r" in value:
        yield Remark("fail", "has CRLF line ends, which OpenSSH refuses")
    elif not value.endswith("\n"):
        yield Remark("fail", "lacks its last line break, without which OpenSSH refuses it")


def _judge_url(text: str, value: str, around: Surroundings) -> Iterator[Remark]:
    wanted = urlsplit(text)
    if value != value.strip():
        yield Remark("fail", "begins or ends with white space or a line break")
        return
    found = split_url(value)
    if found is None:
        yield Remark("fail", "is not a URL: percent-encode : / # @ [ ] in user and password")
        return
    port = found.port or _PORTS.get(wanted.scheme.removeprefix("db+").partition("+")[0])
    # postgresql+psycopg2:// names a driver, too.
    known = found.scheme == wanted.scheme or found.scheme.startswith(f"{wanted.scheme}+")
    if not known:
        yield Remark("fail", f"is not a URL that starts with {wanted.scheme}://")
        return
    if not found.hostname or not found.password or not (found.username or not wanted.username):
        yield Remark("fail", "lacks the user, the password or the host")
        return
    host = _short_host(found.hostname, around)
    if host != _short_host(wanted.hostname or "", around) or port != wanted.port:
        yield _explain_host(wanted, host, around)
        return
    if _database_of(found) != _database_of(wanted):
        yield Remark("warn", f"names another database than {_database_of(wanted)}")
    elif "%" in found.path and "postgresql" in wanted.scheme:
        key = "database" if wanted.scheme.endswith("+asyncpg") else "dbname"
        yield Remark(
            "warn",
            "encodes the name of the database in its path, which SQLAlchemy before 2.1 (Airflow "
            f"3.2) does not decode: end the path with / and add {key}=NAME to the parameters",
        )
    yield from _judge_tls(wanted, found)


def _database_of(url: SplitResult) -> str:
    parameters = parse_qs(url.query)
    named = parameters.get("dbname") or parameters.get("database") or [unquote(url.path)[1:]]
    return named[-1]


def split_url(value: str) -> SplitResult | None:
    """Return the parts of a URL; None if it is none. An error would quote the value."""
    try:
        found = urlsplit(value)
        found.port  # noqa: B018 - it raises for a port that is no number
    except ValueError:
        return None
    return found


def _explain_host(wanted: SplitResult, host: str, around: Surroundings) -> Remark:
    place = f"{wanted.hostname}:{wanted.port}"
    own = _short_host(wanted.hostname or "", around)
    if around.pooler and own == _short_host(around.pooler, around) and host == around.database:
        return Remark("fail", f"goes to the database itself, so PgBouncer ({place}) is bypassed")
    if around.pooler and host == _short_host(around.pooler, around) and own == around.database:
        return Remark("fail", f"goes through PgBouncer instead of to the database ({place})")
    return Remark("fail", f"names another host or port than {place}, which the answers give")


def _short_host(host: str, around: Surroundings) -> str:
    """Return a Service's host without what the cluster's DNS would add."""
    for suffix in _CLUSTER_SUFFIXES:
        host = host.removesuffix(suffix)
    return host.lower().removesuffix(f".{around.namespace}") if around.namespace else host.lower()


def _judge_tls(wanted: SplitResult, found: SplitResult) -> Iterator[Remark]:
    if wanted.scheme.endswith("+asyncpg"):
        names = parse_qs(found.query)
        if {"sslmode", "sslrootcert"} & names.keys():
            yield Remark("fail", "has sslmode or sslrootcert, which asyncpg refuses: use ssl")
        elif "ssl=" in wanted.query and "ssl" not in names:
            yield Remark("warn", "has no ssl, so the connection may be unencrypted")
        return
    modes = parse_qs(found.query).get("sslmode", [""])
    if "sslmode" in wanted.query and not modes[-1]:
        yield Remark("warn", "has no sslmode, so the connection may be unencrypted")
    if wanted.scheme.endswith("postgresql") and not wanted.query and modes[-1] not in (
        "", "disable", "allow", "prefer",
    ):  # fmt: skip
        yield Remark("fail", "requires TLS (sslmode), which the chart's PgBouncer does not have")


def _judge_lines(text: str, value: str) -> Iterator[Remark]:
    """Compare a file of PgBouncer with ours: its aliases, users, port and paths."""
    lines = {_first_word(line): line for line in value.splitlines() if line.strip()}
    needed = ("listen_port", "auth_file", "auth_type")
    for line in text.splitlines():
        name = _first_word(line)
        if not name or "[" in line:
            continue
        is_file = '"' in name
        alias = "dbname=" in line
        if (is_file or alias or name in needed) and name not in lines:
            what = "user" if is_file else "database" if alias else "setting"
            yield Remark("fail", f"has no {what} {name}")
        elif name in needed and lines[name].replace(" ", "") != line.replace(" ", ""):
            yield Remark("fail", f"has another {name} than the chart needs: {line}")


def _first_word(line: str) -> str:
    """Return the name of a setting, or the quoted user of a line of users.txt."""
    line = line.strip()
    return f'{line[: line.find(chr(34), 1)]}"' if line[:1] == '"' else line.split("=")[0].strip()


def _judge_connection(text: str, value: str) -> Iterator[Remark]:
    wanted = json.loads(text)
    try:
        found = json.loads(value)
    except ValueError:
        yield Remark("fail", "is not an Airflow connection as JSON")
        return
    if not isinstance(found, Mapping):
        yield Remark("fail", "is not an Airflow connection as JSON")
        return
    for name in ("conn_type", "host", "login"):
        if name in wanted and found.get(name) != wanted[name]:
            yield Remark("fail", f"has another {name} than {wanted[name]}")
    extra, has = wanted.get("extra", {}), _read_extra(found)
    for name, setting in extra.items():
        if setting == _PLACEHOLDER and not has.get(name):
            yield Remark("fail", f"has no extra.{name}")
        elif setting != _PLACEHOLDER and has.get(name) != setting:
            yield Remark("fail", f"does not have extra.{name}: {setting}, so the Git host may be "
                         "unverified")  # fmt: skip
    if wanted.get("password") and not found.get("password"):
        yield Remark("fail", "has no password")


def _read_extra(connection: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the connection's `extra`, which Airflow also takes as text."""
    extra = connection.get("extra") or {}
    try:
        found = json.loads(extra) if isinstance(extra, str) else extra
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}
