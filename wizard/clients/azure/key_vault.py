"""One Key Vault's secrets: read, create where there is none, and delete without purging.

The SDK keeps TLS verification and the check of the challenge's resource on. Redirects are not
followed: the token would follow, too. Requests are repeated only while the Key Vault asks to wait.
Source: Azure documentation, "Key Vault REST API" (secrets, 7.4 and later), "Key Vault throttling
guidance"; azure-keyvault-secrets 4.12.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from wizard.clients.azure.errors import KeyVaultError, KeyVaultRefusedError
from wizard.clients.azure.login import LOGIN_HINT, make_credential
from wizard.errors import Fix
from wizard.formats.azure import find_cloud, key_vault_name
from wizard.formats.terminal import escape_unprintable

if TYPE_CHECKING:
    from wizard.clients.azure.login import AzureLogin

T = TypeVar("T")

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 5.0, 15.0, 40.0
_TRIES, _MAX_WAIT_SECONDS = 4, 10.0
# The oldest version with all that is used here; other clouds get new ones later.
_API_VERSION = "7.4"
URL_KEY = "secrets.azure.vault_url"
OFFICER = "Key Vault Secrets Officer"
# The codes of Azure AD and of the Key Vault are named to people; their sentences are not printed
# in full, because they may be long and hold the request.
_MOST_TEXT = 200


@dataclass(frozen=True, slots=True)
class StoredValue:
    """The newest version of a secret; `tags` say whose it is."""

    value: str = field(repr=False)
    version: str
    tags: Mapping[str, str] = field(default_factory=dict)
    created: str = ""


@dataclass(frozen=True, slots=True)
class SecretAbout:
    """A secret without its value."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True
    updated: str = ""


class KeyVault:
    """A client of one Key Vault. Every method raises KeyVaultError."""

    def __init__(self, vault_url: str, tenant_id: str, login: AzureLogin) -> None:
        self.url, self.login = vault_url, login
        self._credential = make_credential(login, tenant_id, find_cloud(vault_url))
        self._client = import_module("azure.keyvault.secrets").SecretClient(
            vault_url,
            self._credential,
            api_version=_API_VERSION,
            connection_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retry_total=0,
            permit_redirects=False,
            logging_enable=False,
        )

    @property
    def name(self) -> str:
        """Return the name of the Key Vault."""
        return key_vault_name(self.url)

    @property
    def endpoint(self) -> str:
        """Return the host, for messages."""
        return self.url.removeprefix("https://")

    @property
    def identity(self) -> str:
        """Return a description of the login without the secret."""
        return self.login.identity

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._credential.close()

    def get(self, name: str) -> StoredValue | None:
        """Return the newest version of a secret; None if the Key Vault does not have it."""
        found = self._ask(lambda: self._client.get_secret(name), name)
        if found is None:
            return None
        about = found.properties
        return StoredValue(
            found.value or "", about.version or "", about.tags or {}, str(about.created_on or "")
        )

    def is_deleted(self, name: str) -> bool:
        """Return whether the name belongs to a deleted secret, which can be recovered."""
        return self._ask(lambda: self._client.get_deleted_secret(name), name) is not None

    def create(self, name: str, value: str, tags: Mapping[str, str]) -> str:
        """Write a version of a secret and return its id; the caller has seen that there is none."""
        done = self._ask(lambda: self._client.set_secret(name, value, tags=dict(tags)), name)
        if done is None:
            raise KeyVaultError("server", f"{self.endpoint}: HTTP 404 for a write of {name}")
        return str(done.properties.version)

    def list_versions(self, name: str) -> tuple[str, ...]:
        """Return the ids of all versions of a secret, the oldest first."""
        found = self._ask(lambda: list(self._client.list_properties_of_secret_versions(name)), name)
        ordered = sorted(found or (), key=lambda one: (one.created_on is None, one.created_on))
        return tuple(str(one.version) for one in ordered)

    def list_secrets(self, prefix: str) -> tuple[SecretAbout, ...]:
        """Return the secrets whose names begin with a prefix, without values."""
        found = self._ask(lambda: list(self._client.list_properties_of_secrets()), "")
        return tuple(
            SecretAbout(
                str(one.name).lower(), one.tags or {}, bool(one.enabled), str(one.updated_on or "")
            )
            for one in found or ()
            if str(one.name).lower().startswith(prefix)
        )

    def delete(self, name: str) -> None:
        """Delete a secret with all its versions; it can be recovered, and is never purged."""
        self._ask(lambda: self._client.begin_delete_secret(name).result(), name)

    def _ask(self, call: Callable[[], T], name: str) -> T | None:
        """Return the result, None for 404; wait and repeat while the Key Vault asks to."""
        for attempt in range(_TRIES):
            try:
                return _limit(call)
            except Exception as error:
                found = self._explain(error, name)
            if found.kind == "missing":
                return None
            wait = found.retry_after
            if wait is None or wait > _MAX_WAIT_SECONDS or attempt == _TRIES - 1:
                raise found from None
            time.sleep(wait)
        raise AssertionError

    def _explain(self, error: Exception, name: str) -> KeyVaultError:
        """Return our error for one of the SDK; it never repeats a value."""
        if isinstance(error, KeyVaultError):
            return error
        core = import_module("azure.core.exceptions")
        what = f"{self.endpoint}: {name}" if name else self.endpoint
        if isinstance(error, TimeoutError):
            return KeyVaultError(
                "unreachable", f"{self.endpoint} did not answer within {TOTAL_SECONDS:.0f} s"
            )
        if isinstance(error, ValueError):
            return KeyVaultRefusedError(
                "foreign",
                f"{self.endpoint} answers like no Key Vault: the resource of its challenge is "
                "another one; no token was sent",
                Fix("check the address and the DNS entry of the private endpoint", URL_KEY),
            )
        if isinstance(error, core.HttpResponseError) and self._is_from_here(error):
            return self._explain_status(error, what, name)
        if isinstance(error, core.ClientAuthenticationError):
            return KeyVaultError(
                "login", f"no token as {self.identity}: {_shorten(error)}", LOGIN_HINT
            )
        if isinstance(error, core.ServiceRequestError | core.ServiceResponseError):
            return KeyVaultError(
                "unreachable",
                f"{self.endpoint} is not reachable: {_shorten(error)}",
                Fix("check name resolution, the network rules of the Key Vault, and proxies",
                    URL_KEY),
            )  # fmt: skip
        return KeyVaultError("server", f"{what}: unexpected {type(error).__name__}")

    def _is_from_here(self, error: Any) -> bool:
        """Return whether the Key Vault itself answered, and not the server of the logins."""
        request = getattr(error.response, "request", None)
        return request is not None and str(request.url).startswith(f"{self.url}/")

    def _explain_status(self, error: Any, what: str, name: str) -> KeyVaultError:
        status = error.response.status_code
        code = str(getattr(error.error, "code", "") or "")
        inner = getattr(error.error, "innererror", None) or {}
        reason = str(inner.get("code", "") if isinstance(inner, Mapping) else "") or code
        if status == 404:
            return KeyVaultError("missing", f"{what} does not exist")
        if 300 <= status < 400:
            return KeyVaultRefusedError(
                "foreign",
                f"{self.endpoint} redirects to another place, which no Key Vault does; the login "
                "was not sent there",
                Fix("check the address, and proxies on the way", URL_KEY),
            )
        if status == 401:
            return KeyVaultError(
                "login", f"{what}: the Key Vault refuses the token of {self.identity}", LOGIN_HINT
            )
        if status == 403 and reason == "SecretDisabled":
            return KeyVaultError(
                "disabled",
                f"{what} is disabled",
                f"enable it: az keyvault secret set-attributes --vault-name {self.name} "
                f"--name {name} --enabled true",
            )
        if status == 403 and reason in {"ForbiddenByFirewall", "ForbiddenByConnection"}:
            return KeyVaultError(
                "network",
                f"{what}: the network rules of the Key Vault refuse this machine",
                "run this where the Key Vault is reachable, or ask its owner for a rule",
            )
        if status == 403:
            return KeyVaultError(
                "forbidden",
                f"{what}: {self.identity} may not do this",
                f"ask the Key Vault's owner for the role {OFFICER}: "
                "airflow-wizard handover --owner vault",
            )
        if status == 409:
            return KeyVaultError("deleted", f"{what}: the name belongs to a deleted secret")
        called = f"{what}: HTTP {status} {escape_unprintable(code)[:60]}".rstrip()
        if status not in {429, 503}:
            return KeyVaultError("server", called)
        busy = KeyVaultError("busy", called, "the Key Vault asks to wait: run this again later")
        busy.retry_after = _read_seconds(error.response.headers.get("Retry-After"))
        return busy


@contextmanager
def open_key_vault(vault_url: str, tenant_id: str, login: AzureLogin) -> Iterator[KeyVault]:
    """Yield a client; its connections are closed at the end. Tokens expire by themselves."""
    client = KeyVault(vault_url, tenant_id, login)
    try:
        yield client
    finally:
        client.close()


def _read_seconds(text: str | None) -> float | None:
    """Return the seconds of Retry-After; a date, or none, gives a second."""
    try:
        return min(max(float(text or 1), 0.0), 3600.0)
    except ValueError:
        return 1.0


def _shorten(error: Exception) -> str:
    """Return the first line of a message from outside, safe to print."""
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return escape_unprintable(first)[:_MOST_TEXT]


def _limit(call: Callable[[], T]) -> T:
    """Return the result of a call, or raise TimeoutError: a slow server may send byte by byte."""
    results: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put((call(), None))
        except BaseException as error:
            results.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        value, error = results.get(timeout=TOTAL_SECONDS)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]
