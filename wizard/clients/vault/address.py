"""Vault's address and this machine's login to Vault, read from environment variables.

The answers contain the address that pods use. VAULT_ADDR, VAULT_CACERT, VAULT_NAMESPACE and
VAULT_TLS_SERVER_NAME (Vault's own CLI, "Environment variables") override it for this machine.
`~/.vault-token` is not read by default; set VAULT_TOKEN_FILE to use it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from wizard.errors import Fix, UsageError
from wizard.formats.certificates import extract_certificates
from wizard.formats.input_files import MAX_CERTIFICATES, read_input_file
from wizard.secrets.references import SecretRef
from wizard.secrets.resolve import resolve_reference

if TYPE_CHECKING:
    from pydantic import SecretStr

LOGIN_HINT = (
    "export VAULT_TOKEN, or VAULT_TOKEN_FILE (such as ~/.vault-token), or VAULT_ROLE_ID and "
    "VAULT_SECRET_ID"
)
_PATH = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*"

# Also the typographic ones, which a chat or a document makes of the plain ones.
_QUOTES = tuple("\"'`\u2018\u2019\u201c\u201d")

SERVER_QUESTION, NAMESPACE_QUESTION = "secrets.vault.server", "secrets.vault.namespace"


@dataclass(frozen=True, slots=True)
class VaultAddress:
    """Vault's address for this machine. `ca` is PEM, empty for the system's CAs.

    `server_name` is the name that Vault's certificate must have, empty for the host in `url`.
    `source` and `namespace_source` are the variables or questions that address and namespace come
    from.
    """

    url: str
    ca: str = ""
    namespace: str = ""
    server_name: str = ""
    source: str = SERVER_QUESTION
    namespace_source: str = NAMESPACE_QUESTION

    @property
    def question(self) -> str:
        """Return the question that the address comes from; empty if a variable sets it."""
        return self.source if self.source == SERVER_QUESTION else ""

    @property
    def namespace_fix(self) -> Fix:
        """Return how to use no namespace, or a different one."""
        if self.namespace_source == NAMESPACE_QUESTION:
            return Fix("correct or clear secrets.vault.namespace", "secrets.vault.namespace")
        return Fix(f"unset or correct {self.namespace_source}")

    @property
    def endpoint(self) -> str:
        """Return host and port for display."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class Token:
    """An existing token; the wizard never revokes it."""

    value: SecretStr
    source: str

    @property
    def identity(self) -> str:
        """Return a description of the login without the secret."""
        return f"the token from {self.source}"


@dataclass(frozen=True, slots=True)
class AppRole:
    """A login with AppRole; the token that it returns is revoked at the end."""

    role_id: SecretStr
    secret_id: SecretStr
    mount: str = "approle"
    source: str = "VAULT_ROLE_ID and VAULT_SECRET_ID"

    @property
    def identity(self) -> str:
        """Return a description of the login without the secret."""
        return f"the AppRole from {self.source} at auth/{self.mount}"


@dataclass(frozen=True, slots=True)
class Jwt:
    """A login with a signed token, as the auth methods kubernetes and jwt accept it."""

    mount: str
    role: str
    jwt: SecretStr

    @property
    def identity(self) -> str:
        """Return a description of the login without the secret."""
        return f"the role {self.role} at auth/{self.mount}"


VaultCredentials = Token | AppRole | Jwt


class VaultAccess(NamedTuple):
    """Vault's address for this machine and the login there."""

    address: VaultAddress
    credentials: VaultCredentials

    @property
    def identity(self) -> str:
        """Return the server and the login in one sentence, without the secret."""
        where = self.address
        inside = f", namespace {where.namespace}" if where.namespace else ""
        inside += f" ({where.namespace_source})" if inside else ""
        return f"Vault at {where.url} ({where.source}){inside}: {self.credentials.identity}"


def read_address(
    server: str, *, ca: str = "", namespace: str = "", environ: Mapping[str, str] | None = None
) -> VaultAddress:
    """Return Vault's address; variables override the arguments from the answers (`ca` as PEM).

    Raises UsageError for an invalid variable, and if no address is known.
    """
    variables = os.environ if environ is None else environ
    source = "VAULT_ADDR" if variables.get("VAULT_ADDR") else SERVER_QUESTION
    url = (variables.get("VAULT_ADDR") or server).strip().rstrip("/")
    if not url:
        raise UsageError("Vault's address is not known", "export VAULT_ADDR=https://...:8200")
    _require_safe(url, source)
    name = variables.get("VAULT_NAMESPACE", namespace).strip("/")
    if name and not re.fullmatch(_PATH, name):
        raise UsageError("VAULT_NAMESPACE is not a namespace", "give one such as team-a/data")
    tls_name = variables.get("VAULT_TLS_SERVER_NAME", "")
    if tls_name and not re.fullmatch(r"[A-Za-z0-9.:-]+", tls_name):
        raise UsageError("VAULT_TLS_SERVER_NAME is not a host name", "give the certificate's name")
    file = variables.get("VAULT_CACERT", "")
    own = "VAULT_NAMESPACE" if "VAULT_NAMESPACE" in variables else NAMESPACE_QUESTION
    return VaultAddress(url, _read_certificates(file) if file else ca, name, tls_name, source, own)


def read_credentials(environ: Mapping[str, str] | None = None) -> Token | AppRole | None:
    """Return this machine's login to Vault; None if no variable sets one (see `LOGIN_HINT`).

    Raises UsageError if variables contradict each other or one is invalid, and SecretError for a
    file that others may read.
    """
    variables = os.environ if environ is None else environ
    names = ("VAULT_TOKEN", "VAULT_TOKEN_FILE", "VAULT_ROLE_ID")
    found = [name for name in names if variables.get(name)]
    if len(found) > 1:
        raise UsageError(
            f"{' and '.join(found)} are both set, but each selects a different login",
            f"unset all but one: {LOGIN_HINT}",
        )
    if not found:
        return None
    if found == ["VAULT_TOKEN"]:
        return Token(_check_header("VAULT_TOKEN", variables["VAULT_TOKEN"]), "VAULT_TOKEN")
    if found == ["VAULT_TOKEN_FILE"]:
        return _read_token_file(variables["VAULT_TOKEN_FILE"])
    if not variables.get("VAULT_SECRET_ID"):
        raise UsageError("VAULT_ROLE_ID is set, but VAULT_SECRET_ID is not", LOGIN_HINT)
    mount = variables.get("VAULT_APPROLE_MOUNT", "").strip("/") or "approle"
    if not re.fullmatch(_PATH, mount):
        raise UsageError("VAULT_APPROLE_MOUNT is not a mount", "give one such as approle")
    return AppRole(
        _check_header("VAULT_ROLE_ID", variables["VAULT_ROLE_ID"]),
        _check_header("VAULT_SECRET_ID", variables["VAULT_SECRET_ID"]),
        mount,
    )


def _read_token_file(path: str) -> Token:
    value = resolve_reference(SecretRef(file=path), "VAULT_TOKEN_FILE").get_secret_value()
    return Token(_check_header("VAULT_TOKEN_FILE", value), f"{path} (VAULT_TOKEN_FILE)")


def _check_header(name: str, value: str) -> SecretStr:
    """Return the value if it is safe in an HTTP header, without white space around it.

    Else raises UsageError without the value, which the HTTP client's own error would quote. No
    token or id of Vault has quotes or white space: they come from a shell or an .env file.
    """
    text = value.strip()
    problem = ""
    if text[:1] in _QUOTES or text[-1:] in _QUOTES:
        problem = "has quotes around it, which are not part of it"
    elif re.search(r"\s", text):
        problem = "has spaces or line breaks in it"
    elif not re.fullmatch(r"[\x21-\x7e]{1,16384}", text):
        problem = "has characters that no token or id has, or is empty or too long"
    if problem:
        raise UsageError(
            f"{name} is not a valid token or id: it {problem}", f"set {name} again without them"
        )
    return SecretStr(text)


def _require_safe(url: str, source: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    plain = parts.scheme == "http" and host in {"127.0.0.1", "::1", "localhost"}
    if parts.scheme != "https" and not plain:
        # The address is not repeated: it may contain a password.
        raise UsageError(
            f"{source} is not an https address: the token would be sent unencrypted",
            "give https://HOST:PORT; http is allowed only on this machine itself",
        )
    if (
        not re.fullmatch(r"[A-Za-z0-9.:_-]+", host)
        or "@" in parts.netloc
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
    ):
        raise UsageError(
            f"{source} has more than an address", "give https://HOST:PORT and nothing after it"
        )


def _read_certificates(file: str) -> str:
    try:
        data = read_input_file(Path(file), MAX_CERTIFICATES)
        return extract_certificates(data.decode("ascii", "replace"))
    except OSError as error:
        raise UsageError(f"VAULT_CACERT: {file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"VAULT_CACERT: {file}: {error}") from None
