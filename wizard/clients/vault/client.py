"""The Vault client; see wizard.clients.vault.protocol for its contract."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from wizard.clients.vault.address import LOGIN_HINT, AppRole, Jwt, VaultAddress, VaultCredentials
from wizard.clients.vault.protocol import Health, Mount, State, StoredSecret, TokenInfo
from wizard.clients.vault.transport import (
    LoginReason,
    VaultConflictError,
    VaultError,
    VaultHttp,
    VaultRefusedError,
    VaultResponse,
    build_foreign_error,
    build_status_error,
)
from wizard.errors import Fix

if TYPE_CHECKING:
    from pydantic import SecretStr

_STATES: Mapping[int, State] = {
    200: "active",
    429: "standby",
    472: "disaster recovery standby",
    473: "performance standby",
    501: "uninitialised",
    503: "sealed",
}
_UPGRADE_TRIES, _UPGRADE_PAUSE = 10, 0.5
# Source: path_login.go of vault-plugin-auth-kubernetes, and cap/jwt, which it uses.
_REASONS: tuple[tuple[LoginReason, str], ...] = (
    ("config", "could not load backend configuration"),
    ("role", "invalid role name"),
    ("role", "could not be found"),
    ("audience", "audience"),
    ("account", "service account name not authorized"),
    ("namespace", "namespace not authorized"),
    ("issuer", "(iss) claim"),
    ("time", "is expired"),
    ("time", "(exp) claim"),
    ("time", "(nbf) claim"),
    ("time", "(iat) claim"),
)


class VaultClient:
    """The implementation of `Vault`; created by `open_vault`."""

    def __init__(
        self, address: VaultAddress, http: VaultHttp, credentials: VaultCredentials | None
    ) -> None:
        self._address = address
        self._http = http
        self._api = http.build_api(self._ask)
        self._identity = credentials.identity if credentials else "nobody"
        self._owns_token = isinstance(credentials, AppRole | Jwt)
        self._token: SecretStr | None = None
        if isinstance(credentials, AppRole | Jwt):
            self._token = self._login(credentials)
        elif credentials is not None:
            self._token = credentials.value

    @property
    def address(self) -> VaultAddress:
        """Return Vault's address."""
        return self._address

    @property
    def identity(self) -> str:
        """Return a description of the login without the secret."""
        return self._identity

    def forget(self) -> None:
        """Stop using the token; revoke it if it comes from a login made here."""
        if self._owns_token and self._token is not None:
            # A failure must not hide the caller's result; the token soon expires anyway.
            with suppress(VaultError):
                self._api.auth.token.revoke_self()
        self._token = None

    def health(self) -> Health:
        """Return the node's state; needs no token and no namespace."""
        before = time.time()
        # OpenBao answers 400 to this request with a namespace.
        answer = self._http.ask("GET", "sys/health")
        middle = (before + time.time()) / 2
        state = _STATES.get(answer.status)
        if state is None or "initialized" not in answer.body:
            raise build_foreign_error(self._address, answer.status)
        clock = answer.body.get("server_time_utc")
        return Health(
            state,
            str(answer.body.get("version", "")),
            str(answer.body.get("cluster_id", "")),
            float(clock) - middle if isinstance(clock, int | float) else 0.0,
        )

    def token_lookup(self) -> TokenInfo:
        """Return the facts of the current token."""
        answer = self._api.auth.token.lookup_self()
        if answer.status == 403:
            raise VaultError(
                "login",
                f"{self._address.endpoint} does not accept {self._identity}: it has expired, was "
                "revoked, belongs to a different Vault, or may not look itself up",
                "log in to Vault again, and set the new token",
            )
        data = self._require_success(answer).data
        ttl = data.get("ttl")
        return TokenInfo(
            str(data.get("display_name", "")),
            tuple(str(one) for one in [*(data.get("policies") or ()), *_identity_policies(data)]),
            ttl if isinstance(ttl, int) else 0,
            data.get("renewable") is True,
            str(data.get("namespace_path", "")).strip("/"),
            _remaining_uses(data),
        )

    def capabilities(self, paths: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Return the token's capabilities at each path, such as {"read"}; empty for none."""
        data = self._require_success(self._api.sys.get_capabilities(list(paths))).data
        return {path: frozenset(data.get(path) or ()) - {"deny"} for path in paths}

    def mount(self, path: str) -> Mount:
        """Return the KV version 2 engine at a path; any other engine or version is refused."""
        answer = self._ask("GET", f"sys/internal/ui/mounts/{path}")
        if answer.status == 403 and answer.has_error("preflight capability check"):
            # The token is valid. For a missing mount and a missing permission, Vault's message is
            # the same.
            raise VaultError(
                "missing",
                f"there is no mount {path}, or {self._identity} has no rights in it",
                "ask Vault's owner for the mount and for rights below it",
            )
        data = self._require_success(answer).data
        found = str(data.get("path", "")).strip("/")
        kind, options = str(data.get("type", "")), data.get("options") or {}
        version = str(options.get("version", "1")) if isinstance(options, Mapping) else "1"
        if found != path:
            raise VaultError(
                "missing",
                f"{path} is not a mount: it is inside {found}",
                Fix("correct secrets.vault.mount", "secrets.vault.mount"),
            )
        if kind != "kv" or version != "2":
            what = f"KV version {version}" if kind == "kv" else f"of type {kind}"
            raise VaultRefusedError(
                "version",
                f"the mount {path} is {what}, but only KV version 2 supports check-and-set",
                Fix(
                    "use a different mount in secrets.vault.mount, or have this one upgraded "
                    "(vault kv enable-versioning)",
                    "secrets.vault.mount",
                ),
            )
        return Mount(found, kind, 2)

    def read(self, mount: str, path: str, version: int = 0) -> StoredSecret | None:
        """Return the secret at a path; None if nothing was ever written there, or kept."""
        kv = self._api.secrets.kv.v2
        answer = self._retry_upgrade(
            lambda: kv.read_secret_version(
                path, version=version or None, mount_point=mount, raise_on_deleted_version=False
            )
        )
        found = answer.data.get("metadata")
        metadata = found if isinstance(found, Mapping) else {}
        number = metadata.get("version")
        if answer.status == 404 and isinstance(number, int):
            destroyed = metadata.get("destroyed") is True
            return StoredSecret({}, number, deleted=True, destroyed=destroyed)
        if (
            answer.status == 404
            and not answer.has_error("namespace")
            and not answer.has_error("route")
        ):
            return None
        data = self._require_success(answer).data.get("data")
        if not isinstance(data, Mapping) or not isinstance(number, int):
            raise VaultRefusedError(
                "version",
                f"{mount}/data/{path} does not answer like KV version 2",
                Fix("use a KV version 2 mount in secrets.vault.mount", "secrets.vault.mount"),
            )
        return StoredSecret(data, number, expires=str(metadata.get("deletion_time") or ""))

    def write(self, mount: str, path: str, data: Mapping[str, Any], cas: int) -> int:
        """Replace the secret if its version is still `cas` (0: no version yet)."""
        kv = self._api.secrets.kv.v2
        answer = self._retry_upgrade(
            lambda: kv.create_or_update_secret(path, dict(data), cas=cas, mount_point=mount)
        )
        if answer.has_error("check-and-set parameter did not match"):
            raise VaultConflictError(
                "conflict",
                f"{mount}/{path} was changed by somebody else in the meantime; nothing was written",
                "run it again: it reads the current version",
            )
        version = self._require_success(answer).data.get("version")
        if not isinstance(version, int):
            where = f"{mount}/data/{path}"
            raise VaultRefusedError(
                "version",
                f"{where} accepted the write, but does not answer like KV version 2",
                f"ask Vault's owner to check {where}: values may be stored there in clear text",
            )
        return version

    def call(self, method: str, path: str, body: object = None) -> VaultResponse:
        """Send any other request below /v1/; raises unless it succeeds.

        A read without data, or a list without keys, is not Vault's answer: empty paths are 404.
        """
        answer = self._require_success(self._ask(method, path, body))
        if method == "GET" and not _is_read(answer, path):
            raise build_foreign_error(self._address, answer.status)
        return answer

    def _ask(self, method: str, path: str, body: object = None) -> VaultResponse:
        token = self._token.get_secret_value() if self._token is not None else ""
        answer = self._http.ask(method, path, body, token=token, namespace=self._address.namespace)
        return replace(answer, request=f"{method} {path}")

    def _retry_upgrade(self, request: Callable[[], VaultResponse]) -> VaultResponse:
        """Return the response of a KV mount, after retries while Vault upgrades a new mount."""
        answer, tries = request(), 1
        while answer.has_error("upgrading from non-versioned"):
            if tries == _UPGRADE_TRIES:
                said = f"{answer.request.split()[1]}: Vault is still upgrading this mount"
                raise VaultError("busy", said, "try again later")
            time.sleep(_UPGRADE_PAUSE)
            answer, tries = request(), tries + 1
        return answer

    def _require_success(self, answer: VaultResponse) -> VaultResponse:
        if 200 <= answer.status < 300:
            return answer
        if self._token is None and answer.status in {400, 403}:
            raise VaultError(
                "login", f"{self._address.endpoint}: not logged in to Vault", LOGIN_HINT
            )
        raise build_status_error(answer, self._address, self._identity)

    def _login(self, credentials: AppRole | Jwt) -> SecretStr:
        auth, place = self._api.auth, {"mount_point": credentials.mount, "use_token": False}
        if isinstance(credentials, AppRole):
            ids = (credentials.role_id.get_secret_value(), credentials.secret_id.get_secret_value())
            answer = auth.approle.login(*ids, **place)
        else:
            # The auth methods kubernetes and jwt take the same body at the same path.
            jwt = credentials.jwt.get_secret_value()
            answer = auth.kubernetes.login(credentials.role, jwt, **place)
        reason = _find_login_reason(answer)
        if answer.status in {400, 403} or reason:
            error = VaultError(
                "login",
                f"{self._address.endpoint} refuses the login of {self._identity} "
                f"(status {answer.status})",
                _login_hint(credentials),
            )
            error.reason = reason
            raise error
        made = self._require_success(answer).body.get("auth")
        token = made.get("client_token") if isinstance(made, Mapping) else None
        if not isinstance(token, str) or not token:
            raise VaultError("server", f"{self._address.endpoint} returned no token at the login")
        return SecretStr(token)


def _is_read(answer: VaultResponse, path: str) -> bool:
    if path.endswith("?list=true"):
        return isinstance(answer.data.get("keys"), list)
    return isinstance(answer.body.get("data"), Mapping)


def _remaining_uses(data: Mapping[str, Any]) -> int | None:
    """Return how many requests are left after the lookup, which counts; None without a limit."""
    uses = data.get("num_uses")
    if not isinstance(uses, int) or uses == 0:
        return None
    # Vault marks a token whose last use was this request with a negative number.
    return max(uses, 0)


def _identity_policies(data: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(data.get("identity_policies") or ())


def _find_login_reason(answer: VaultResponse) -> LoginReason:
    """Return what the answer to a refused login says, by the phrases of Vault's auth methods."""
    return next((reason for reason, phrase in _REASONS if answer.has_error(phrase)), "")


def _login_hint(credentials: AppRole | Jwt) -> str:
    """Return a hint for a refused login; for most causes, Vault gives the same answer."""
    if isinstance(credentials, AppRole):
        return "create a new secret id: it may be used up, expired, or belong to a different role"
    return f"check the auth mount {credentials.mount} and its role {credentials.role}"
