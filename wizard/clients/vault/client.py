"""The real client of Vault; see wizard.clients.vault.protocol for what it promises."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from wizard.clients.vault.address import LOGIN_HINT, AppRole, Jwt, VaultAddress, VaultCredentials
from wizard.clients.vault.protocol import Health, Mount, State, StoredSecret, TokenInfo
from wizard.clients.vault.transport import (
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


class VaultClient:
    """The real client; made by `opened`."""

    def __init__(
        self, address: VaultAddress, http: VaultHttp, credentials: VaultCredentials | None
    ) -> None:
        self._address = address
        self._http = http
        self._identity = credentials.identity if credentials else "nobody"
        self._owns_token = isinstance(credentials, AppRole | Jwt)
        self._token: SecretStr | None = None
        if isinstance(credentials, AppRole | Jwt):
            self._token = self._login(credentials)
        elif credentials is not None:
            self._token = credentials.value

    @property
    def address(self) -> VaultAddress:
        """Where it is."""
        return self._address

    @property
    def identity(self) -> str:
        """As whom it is asked, without the secret."""
        return self._identity

    def forget(self) -> None:
        """Revoke a login of one's own; the token is not used again."""
        if self._owns_token and self._token is not None:
            # It ends by itself soon: no reason to hide what the caller found.
            with suppress(VaultError):
                self._ask("POST", "auth/token/revoke-self", {})
        self._token = None

    def health(self) -> Health:
        """The node's state; needs no token and no namespace."""
        before = time.time()
        # With a namespace OpenBao answers 400.
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
        """The token in use."""
        answer = self._ask("GET", "auth/token/lookup-self")
        if answer.status == 403:
            raise VaultError(
                "login",
                f"{self._address.endpoint} does not take {self._identity}: it has expired, was "
                "revoked, belongs to another Vault, or may not look itself up",
                "log in to Vault again, and hand over the new token",
            )
        data = self._require_success(answer, "GET", "auth/token/lookup-self").data
        ttl = data.get("ttl")
        return TokenInfo(
            str(data.get("display_name", "")),
            tuple(str(one) for one in [*(data.get("policies") or ()), *_identity_policies(data)]),
            ttl if isinstance(ttl, int) else 0,
            data.get("renewable") is True,
            str(data.get("namespace_path", "")).strip("/"),
        )

    def capabilities(self, paths: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """What the token may do at each path, such as {"read"}; empty for nothing."""
        body = {"paths": list(paths)}
        data = self.call("POST", "sys/capabilities-self", body).data
        return {path: frozenset(data.get(path) or ()) - {"deny"} for path in paths}

    def mount(self, path: str) -> Mount:
        """The KV version 2 engine there; another engine or version is refused."""
        where = f"sys/internal/ui/mounts/{path}"
        answer = self._ask("GET", where)
        if answer.status == 403 and not self._refuses_token():
            # Vault's words are "preflight capability check returned 403" in both cases.
            raise VaultError(
                "missing",
                f"there is no mount {path}, or {self._identity} may do nothing in it",
                "ask Vault's owner for the mount and for rights below it",
            )
        data = self._require_success(answer, "GET", where).data
        found = str(data.get("path", "")).strip("/")
        kind, options = str(data.get("type", "")), data.get("options") or {}
        version = str(options.get("version", "1")) if isinstance(options, Mapping) else "1"
        if found != path:
            raise VaultError(
                "missing",
                f"{path} is no mount: it lies in {found}",
                Fix("correct secrets.vault.mount", "secrets.vault.mount"),
            )
        if kind != "kv" or version != "2":
            what = f"KV version {version}" if kind == "kv" else f"of type {kind}"
            raise VaultRefusedError(
                "version",
                f"the mount {path} is {what}, and only KV version 2 has check-and-set",
                Fix(
                    "name another mount in secrets.vault.mount, or have this one upgraded "
                    "(vault kv enable-versioning)",
                    "secrets.vault.mount",
                ),
            )
        return Mount(found, kind, 2)

    def read(self, mount: str, path: str) -> StoredSecret | None:
        """What stands at a path; None where nothing was ever written."""
        where = f"{mount}/data/{path}"
        answer = self._ask_kv("GET", where)
        metadata = answer.data.get("metadata")
        version = metadata.get("version") if isinstance(metadata, Mapping) else None
        if answer.status == 404 and isinstance(version, int):
            return StoredSecret({}, version, deleted=True)
        if (
            answer.status == 404
            and not answer.has_error("namespace")
            and not answer.has_error("route")
        ):
            return None
        data = self._require_success(answer, "GET", where).data.get("data")
        if not isinstance(data, Mapping) or not isinstance(version, int):
            raise VaultRefusedError(
                "version",
                f"{where} is not read as KV version 2",
                Fix("name a KV version 2 mount in secrets.vault.mount", "secrets.vault.mount"),
            )
        return StoredSecret(data, version)

    def write(self, mount: str, path: str, data: Mapping[str, Any], cas: int) -> int:
        """Replace what stands there if its version is still `cas` (0: nothing yet)."""
        where = f"{mount}/data/{path}"
        body = {"options": {"cas": cas}, "data": dict(data)}
        answer = self._ask_kv("POST", where, body)
        if answer.has_error("check-and-set parameter did not match"):
            raise VaultConflictError(
                "conflict",
                f"{mount}/{path} was written by somebody else in between; nothing was changed",
                "run it again: it reads what stands there now",
            )
        version = self._require_success(answer, "POST", where).data.get("version")
        if not isinstance(version, int):
            raise VaultRefusedError(
                "version",
                f"{where} took the write, but not as KV version 2 does",
                f"have Vault's owner look at {where}: values may stand there in clear",
            )
        return version

    def call(self, method: str, path: str, body: object = None) -> VaultResponse:
        """Any other request below /v1/ that must succeed."""
        return self._require_success(self._ask(method, path, body), method, path)

    def _ask(self, method: str, path: str, body: object = None) -> VaultResponse:
        token = self._token.get_secret_value() if self._token is not None else ""
        return self._http.ask(method, path, body, token=token, namespace=self._address.namespace)

    def _ask_kv(self, method: str, path: str, body: object = None) -> VaultResponse:
        """A request to a KV mount, which is upgraded in the background right after its making."""
        for _ in range(_UPGRADE_TRIES):
            answer = self._ask(method, path, body)
            if not answer.has_error("upgrading from non-versioned"):
                return answer
            time.sleep(_UPGRADE_PAUSE)
        raise VaultError("busy", f"{path}: Vault is still upgrading this mount", "try again later")

    def _refuses_token(self) -> bool:
        return self._ask("GET", "auth/token/lookup-self").status == 403

    def _require_success(self, answer: VaultResponse, method: str, path: str) -> VaultResponse:
        if 200 <= answer.status < 300:
            return answer
        if self._token is None and answer.status in {400, 403}:
            raise VaultError(
                "login", f"{self._address.endpoint}: nobody is logged in to Vault", LOGIN_HINT
            )
        raise build_status_error(answer, f"{method} {path}", self._address, self._identity)

    def _login(self, credentials: AppRole | Jwt) -> SecretStr:
        from pydantic import SecretStr

        path = f"auth/{credentials.mount}/login"
        if isinstance(credentials, AppRole):
            secrets = {"role_id": credentials.role_id, "secret_id": credentials.secret_id}
            body = {name: value.get_secret_value() for name, value in secrets.items()}
        else:
            body = {"role": credentials.role, "jwt": credentials.jwt.get_secret_value()}
        answer = self._ask("POST", path, body)
        if answer.status in {400, 403}:
            raise VaultError(
                "login",
                f"{self._address.endpoint} refuses the login of {self._identity} "
                f"(status {answer.status})",
                _login_hint(credentials, answer),
            )
        auth = self._require_success(answer, "POST", path).body.get("auth")
        token = auth.get("client_token") if isinstance(auth, Mapping) else None
        if not isinstance(token, str) or not token:
            raise VaultError("server", f"{self._address.endpoint} logs in without giving a token")
        return SecretStr(token)


def _identity_policies(data: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(data.get("identity_policies") or ())


def _login_hint(credentials: AppRole | Jwt, answer: VaultResponse) -> Fix | str:
    """Vault answers most causes alike; its own log tells them apart."""
    if isinstance(credentials, AppRole):
        return "make a new secret id: it may be used up or expired, or be another role's"
    if answer.has_error("invalid role name") or answer.has_error("could not be found"):
        return Fix(
            f"have Vault's owner write the role {credentials.role} (secrets.vault.role)",
            "secrets.vault.role",
        )
    if answer.has_error("audience") or answer.has_error("aud)"):
        return Fix(
            "compare secrets.vault.audience with the role's audience", "secrets.vault.audience"
        )
    if answer.has_error("service account name") or answer.has_error("not authorized"):
        return "compare the role's bound ServiceAccount and namespace with the store's"
    return (
        "look at the mount, its token reviewer and the audience: Vault says the reason only in "
        "its own debug log"
    )
