"""Test mount, reviewer, role and policy by logging in as the store, then revoke that login.

Vault reports the cause of a refused login only in its debug log, so only a real login proves that
these parts work together (facts on Vault, section 2.8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.vault.address import LOGIN_HINT
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.systems.vault.account import account_name, explain_missing_account
from wizard.systems.vault.auth_mount import find_cluster_config
from wizard.systems.vault.login_evidence import Surroundings
from wizard.systems.vault.looks import AuthState, config_path, role_path
from wizard.systems.vault.store_login import try_store_login

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
        self._target = target
        self._session = session
        self._store = store or session.store
        self._kube = target.argocd if self._store.is_in_hub else target.kube
        self._mount = mount
        self._role = role
        self._account = account_name(self._store)

    def look(self) -> StepStatus:
        """Log in with a token of the store's ServiceAccount and check the rights of that login."""
        where, store = self._session.vault_address, self._store
        if where is None:
            return StepStatus("unknown", f"login as {self._account} not tested", Fix(LOGIN_HINT))
        exists = (self._mount.is_existing, self._role.is_existing)
        if False in exists:
            return StepStatus(
                "unknown", "the role to log in with does not exist yet", Fix(self._role.command)
            )
        token = self._token()
        if isinstance(token, StepStatus):
            return token
        recorded = self._target.answers.cluster.server if self._kube is self._target.kube else ""
        cluster = find_cluster_config(store.server, recorded, self._kube, where)
        around = Surroundings(where, cluster, self._kube)
        return try_store_login(store, token, self._read_state, around)

    def _read_state(self) -> AuthState:
        """Return mount and role as this run's own login sees them."""
        read = self._session.read_path
        config, role = read(config_path(self._store)), read(role_path(self._store))
        return AuthState(
            self._mount.is_existing,
            None if config.hidden else config.data or {},
            None if role.hidden else role.data or {},
        )

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
                return StepStatus("unknown", *explain_missing_account(store, _LATER))
            return StepStatus("unknown", error.message, error.fix)
