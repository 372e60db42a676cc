"""Test mount, reviewer, role and policy by logging in as the store, then revoke that login.

Vault reports the cause of a refused login only in its debug log, so only a real login proves that
these parts work together (facts on Vault, section 2.8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.vault.address import LOGIN_HINT, Jwt
from wizard.clients.vault.connect import open_vault
from wizard.clients.vault.transport import VaultError
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.jwt import parse_audiences
from wizard.systems.vault.store_rights import check_store_rights

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target
    from wizard.systems.vault.auth_mount import AuthMount
    from wizard.systems.vault.role import Role
    from wizard.systems.vault.session import VaultLogin

_LATER = "run apply again after the delivery has created it"


class StoreLogin:
    """The login as a store (by default the installation's), in the same way as External Secrets."""

    def __init__(
        self,
        target: Target,
        session: VaultLogin,
        mount: AuthMount,
        role: Role,
        store: VaultSettings | None = None,
    ) -> None:
        # Further readers log in from Argo CD's cluster.
        self._kube = target.kube if store is None else target.argocd
        self._session = session
        self._store = store or session.store
        self._mount = mount
        self._role = role
        self._account = f"{self._store.account_namespace}/{self._store.service_account}"

    def look(self) -> StepStatus:
        """Log in with a token of the store's ServiceAccount and check the rights of that login."""
        where, store = self._session.vault_address, self._store
        if where is None:
            return StepStatus("unknown", f"login as {self._account} not tested", Fix(LOGIN_HINT))
        certain = bool(self._mount.is_existing) and bool(self._role.is_existing)
        if not certain and False in (self._mount.is_existing, self._role.is_existing):
            return StepStatus(
                "unknown", "the role to log in with does not exist yet", Fix(self._role.command)
            )
        token = self._token()
        if isinstance(token, StepStatus):
            return token
        try:
            with open_vault(where, Jwt(store.auth_mount, store.role, token)) as vault:
                return check_store_rights(vault, store)
        except VaultError as error:
            if error.kind != "login":
                raise
            return self._explain_refusal(error, token, certain=certain)

    def _token(self) -> SecretStr | StepStatus:
        store = self._store
        if self._kube is None:
            return StepStatus(
                "unknown",
                f"login as {self._account} not tested: no cluster is configured",
                Fix("name a kubeconfig context with --context"),
            )
        try:
            return self._kube.token(store.service_account, store.account_namespace, store.audience)
        except KubeError as error:
            if error.kind == "missing":
                return StepStatus(
                    "unknown", f"ServiceAccount {self._account} does not exist yet", Fix(_LATER)
                )
            return StepStatus("unknown", error.message, error.fix)

    def _explain_refusal(self, error: VaultError, token: SecretStr, *, certain: bool) -> StepStatus:
        named = parse_audiences(token.get_secret_value())
        fix = error.fix
        if named and self._store.audience not in named:
            fix = Fix(
                f"the token has audience {', '.join(named)}, but secrets.vault.audience is "
                f"{self._store.audience}: use the same audience in both",
                "secrets.vault.audience",
            )
        return StepStatus("wanted" if certain else "unknown", error.message, fix)
