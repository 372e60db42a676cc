"""The steps at Vault: id, title and owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.contribution import ONCE, StepGroup, StepSpec
from wizard.manifests.steps import APPLY, SECRETS, SECRETS_WAIT

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings

_FILL = StepGroup("vault.fill", "Create the missing values in Vault", "me", "values", SECRETS)
_SET_UP = StepGroup(
    "vault.set-up", "Set up engine, policy and role in Vault", "vault", "prepare",
    f"{APPLY} --only store",
)  # fmt: skip


def _proof(store: VaultSettings) -> str:
    """Return the step that cannot hold without those of a path; only the own one has such."""
    return "" if store.reader else SECRETS_WAIT.id


def mount_step(store: VaultSettings) -> StepSpec:
    """Return the step that mounts the KV engine."""
    title = f"Mount KV version 2 at {store.mount}"
    return StepSpec("vault.mount", title, "vault", ONCE, _SET_UP, SECRETS_WAIT.id)


def policy_step(store: VaultSettings) -> StepSpec:
    """Return the step that writes the policy of the installation or of another reader."""
    name = store.qualified_name("policy")
    title = f"Write policy {store.policy}"
    return StepSpec(f"vault.{name}", title, "vault", (f"vault/{name}",), _SET_UP, _proof(store))


def auth_step(store: VaultSettings) -> StepSpec:
    """Return the step that sets up the Kubernetes auth mount."""
    title = f"Set up auth mount {store.auth_mount}"
    return StepSpec("vault.auth", title, "vault", ONCE, _SET_UP, SECRETS_WAIT.id)


def role_step(store: VaultSettings) -> StepSpec:
    """Return the step that writes the role of the installation or of another reader."""
    title = f"Write role {store.role} at {store.auth_mount}"
    name = store.qualified_name("role")
    return StepSpec(f"vault.{name}", title, "vault", (f"vault/{name}",), _SET_UP, _proof(store))


def payload_step(store: VaultSettings) -> StepSpec:
    """Return the step that fills the store; `airflow-wizard secrets` does it."""
    title = f"Fill {store.mount}/{store.path}"
    return StepSpec(
        f"vault.{store.qualified_name('payload')}", title, "me", ("fact#",), _FILL, _proof(store)
    )


def login_step(store: VaultSettings) -> StepSpec:
    """Return the step that tests the role with a real login; it needs the other steps."""
    title = f"Log in as {store.account_namespace}/{store.service_account}"
    follows = (f"vault/{store.qualified_name('policy')}", f"vault/{store.qualified_name('role')}")
    return StepSpec(f"vault.{store.qualified_name('login')}", title, "me", follows, _SET_UP)
