"""The steps at Vault: id, title and owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.contribution import ONCE, StepSpec

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings


def mount_step(store: VaultSettings) -> StepSpec:
    """Return the step that mounts the KV engine."""
    return StepSpec("vault.mount", f"Mount KV version 2 at {store.mount}", "vault", ONCE)


def policy_step(store: VaultSettings) -> StepSpec:
    """Return the step that writes the policy of the installation or of another reader."""
    name = store.qualified_name("policy")
    return StepSpec(f"vault.{name}", f"Write policy {store.policy}", "vault", (f"vault/{name}",))


def auth_step(store: VaultSettings) -> StepSpec:
    """Return the step that sets up the Kubernetes auth mount."""
    return StepSpec("vault.auth", f"Set up auth mount {store.auth_mount}", "vault", ONCE)


def role_step(store: VaultSettings) -> StepSpec:
    """Return the step that writes the role of the installation or of another reader."""
    title = f"Write role {store.role} at {store.auth_mount}"
    name = store.qualified_name("role")
    return StepSpec(f"vault.{name}", title, "vault", (f"vault/{name}",))


def payload_step(store: VaultSettings) -> StepSpec:
    """Return the step that fills the store; `airflow-wizard secrets` does it."""
    title = f"Fill {store.mount}/{store.path}"
    return StepSpec(f"vault.{store.qualified_name('payload')}", title, "me", ("fact#",))


def login_step(store: VaultSettings) -> StepSpec:
    """Return the step that tests the role with a real login; it needs the other steps."""
    title = f"Log in as {store.account_namespace}/{store.service_account}"
    follows = (f"vault/{store.qualified_name('policy')}", f"vault/{store.qualified_name('role')}")
    return StepSpec(f"vault.{store.qualified_name('login')}", title, "me", follows)
