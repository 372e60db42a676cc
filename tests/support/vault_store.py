"""A store in Vault whose ServiceAccount logs in through a real TokenReview."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from pydantic import SecretStr

from tests.support.rendered import answers
from tests.testbed.kube import Kube, RejectedError
from tests.testbed.vault import Vault
from wizard.clients.vault.address import VaultAddress
from wizard.plan.derive import derive_release
from wizard.stores.vault.settings import VaultSettings, vault_settings

_NUMBERS = itertools.count()


def store_of(server: str = "https://vault.example.internal:8200") -> VaultSettings:
    """A store with a mount and a role that no other test uses."""
    number = next(_NUMBERS)
    changes = {
        "secrets.vault.server": server,
        "secrets.vault.mount": f"live-{number}",
        "secrets.vault.auth_mount": f"live-kubernetes-{number}",
        "secrets.vault.role": f"live-role-{number}",
    }
    given = answers("production", changes)
    return vault_settings(given.secrets, derive_release(given))


def place(vault: Vault, **more: str) -> VaultAddress:
    return VaultAddress(vault.url, vault.ca.read_text(), **more)


class Cluster:
    """A namespace with the store's ServiceAccount, and Vault's reviewer."""

    def __init__(self, kube: Kube, vault: Vault, store: VaultSettings) -> None:
        self.kube, self.vault, self.store = kube, vault, store
        for namespace in (store.account_namespace, "vault-live"):
            self._make("/api/v1/namespaces", {"metadata": {"name": namespace}})
        self._account(store.account_namespace, store.service_account)
        self._account(store.account_namespace, "stranger")
        self._account("vault-live", "reviewer")
        rbac = "rbac.authorization.k8s.io"
        delegator = {"apiGroup": rbac, "kind": "ClusterRole", "name": "system:auth-delegator"}
        self._make(
            f"/apis/{rbac}/v1/clusterrolebindings",
            {
                "metadata": {"name": "vault-live-reviewer"},
                "roleRef": delegator,
                "subjects": [
                    {"kind": "ServiceAccount", "name": "reviewer", "namespace": "vault-live"}
                ],
            },
        )

    def _make(self, path: str, body: object) -> None:
        try:
            self.kube.request("POST", path, body)
        except RejectedError as error:
            if error.code != 409:
                raise

    def _account(self, namespace: str, name: str) -> None:
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self._make(path, {"metadata": {"name": name}})

    def minted(self, account: str, *audience: str, namespace: str = "") -> str:
        where = f"/api/v1/namespaces/{namespace or self.store.account_namespace}"
        body = {"spec": {"audiences": list(audience), "expirationSeconds": 600}}
        path = f"{where}/serviceaccounts/{account}/token"
        jwt: str = self.kube.request("POST", path, body)["status"]["token"]
        return jwt

    def mint(self, account: str = "", *audience: str) -> Callable[[], SecretStr]:
        named = audience or (self.store.audience,)
        return lambda: SecretStr(self.minted(account or self.store.service_account, *named))

    def set_up(self, *, policies: list[str] | None = None, **role: object) -> None:
        """Auth mount, policy and role as vault/ has them."""
        store, vault = self.store, self.vault
        vault.request("POST", f"sys/auth/{store.auth_mount}", {"type": "kubernetes"})
        self.configure()
        vault.policy(store.policy, {store.data_path: ["read"]})
        self.write_role(policies=policies, **role)

    def configure(self, **changes: object) -> None:
        """The auth mount's config, which is right but for `changes`."""
        config = {
            "kubernetes_host": self.kube.url,
            "kubernetes_ca_cert": self.kube.ca.read_text(),
            "disable_local_ca_jwt": True,
            "token_reviewer_jwt": self.minted("reviewer", namespace="vault-live"),
            **changes,
        }
        self.vault.request("POST", f"auth/{self.store.auth_mount}/config", config)

    def write_role(self, *, policies: list[str] | None = None, **role: object) -> None:
        """The store's role, which is right but for `role`."""
        store = self.store
        body = {
            "bound_service_account_names": [store.service_account],
            "bound_service_account_namespaces": [store.account_namespace],
            "audience": store.audience,
            "token_policies": [store.policy] if policies is None else policies,
            **role,
        }
        path = f"auth/{store.auth_mount}/role/{store.role}"
        self.vault.request("POST", path, body)
