"""Vault as Airflow's secrets backend: a role and a policy of its own, beside those of the store.

The role binds exactly the ServiceAccounts of the components, and reads exactly two folders. Source:
facts on Vault, section 5.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.manifests.certificates import CA_KEY, ca_config_map
from wizard.manifests.contribution import Contribution, Flow
from wizard.manifests.secrets_backend import (
    CA_FOLDER,
    TOKEN_FOLDER,
    VAULT_CLASS,
    VAULT_PACKAGE,
    backend_settings,
    backend_users,
    list_service_accounts,
    token_mounts,
)
from wizard.stores.vault.manifests import policy_file, role_file
from wizard.stores.vault.questions import NAME, NO_AUDIENCE
from wizard.stores.vault.settings import (
    RUNTIME,
    VaultSettings,
    require_ca_file,
    runtime_folders,
    runtime_role,
    vault_settings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers

_CA_MAP = "runtime-vault-ca"


def runtime_settings(
    secrets: SecretsAnswers, release: Release, values: Mapping[str, Any] | None = None
) -> VaultSettings | None:
    """Return the settings of the role at runtime; None if Vault is not the backend.

    `path` is the payload, which the role must not read. Without `values`, the accounts have the
    chart's own names.
    """
    backend = secrets.backend
    if backend.kind != "vault":
        return None
    accounts = list_service_accounts(release, values or {})
    folders = runtime_folders(
        backend.connections_path, backend.variables_path, release.installation
    )
    shared = secrets.store == NAME
    store = vault_settings(secrets, release) if shared else _other_vault(secrets, release)
    role = runtime_role(backend.role, store.role, release.installation)
    return replace(
        store,
        name=role,
        kind="SecretStore",
        mount=backend.mount or store.mount,
        token_ttl=backend.token_ttl,
        # Pods can mount a ConfigMap of their own namespace only.
        ca_map=store.ca_map if secrets.scope == "namespace" else "",
        payload_mount=store.mount if shared else "",
        role=role,
        accounts=accounts,
        folders=folders,
        # The scheduler has one in every installation.
        service_account=accounts[1],
        account_namespace=release.namespace,
        task_namespaces=release.task_namespaces,
        reader=RUNTIME,
    )


def _other_vault(secrets: SecretsAnswers, release: Release) -> VaultSettings:
    """Return the settings of a Vault that is not the store: it has no payload."""
    backend = secrets.backend
    return VaultSettings(
        name="",
        kind="SecretStore",
        mount="secret",
        path="",
        service_account="",
        account_namespace=release.namespace,
        document=False,
        refresh_interval="",
        server=backend.server,
        ca=release.assets.get("secrets.backend.ca.file", "") if backend.ca.file else "",
        auth_mount=backend.auth_mount,
        role="",
        audience="" if backend.audience == NO_AUDIENCE else backend.audience,
        vault_namespace=backend.namespace,
        token_ttl=backend.token_ttl,
    )


def contribute_runtime(secrets: SecretsAnswers, release: Release) -> Contribution:
    """Return the options, the token and the flow of Vault as the backend."""
    store = runtime_settings(secrets, release)
    if store is None:
        return Contribution()
    shared = secrets.store == NAME
    arguments: dict[str, object] = {
        "url": store.server,
        "mount_point": store.mount,
        "kv_engine_version": 2,
        "connections_path": store.folders[0],
        "variables_path": store.folders[1],
        "config_path": None,
        "auth_type": "kubernetes",
        "auth_mount_point": store.auth_mount,
        "kubernetes_role": store.role,
    }
    if store.audience:
        arguments["kubernetes_jwt_path"] = f"{TOKEN_FOLDER}/token"
    existing = store.ca_map
    if shared and not existing:
        require_ca_file(secrets, "Airflow's pods")
    if existing or store.ca:
        arguments["verify"] = f"{CA_FOLDER}/{store.ca_key if existing else CA_KEY}"
    if store.vault_namespace:
        arguments["namespace"] = store.vault_namespace
    ca_map = existing or (release.names.object_name(_CA_MAP) if store.ca else "")
    host, port = store.endpoint
    return Contribution(
        settings=backend_settings(VAULT_CLASS, arguments),
        mounts=token_mounts(store.audience, ca_map),
        manifests=() if existing or not store.ca else (ca_config_map(release, _CA_MAP, store.ca),),
        flows=(Flow("Vault", host, port, backend_users(release), complete=True),),
        packages=(VAULT_PACKAGE,),
        notes=(_note(release, store, shared=shared),),
    )


def runtime_files(
    secrets: SecretsAnswers, release: Release, values: Mapping[str, Any]
) -> Contribution:
    """Return policy and role, for the accounts by the Helm values in effect."""
    store = runtime_settings(secrets, release, values)
    if store is None:
        return Contribution()
    return Contribution(files=(policy_file(release, store), role_file(release, store)))


def _note(release: Release, store: VaultSettings, *, shared: bool) -> str:
    connections, variables = store.folders
    lines = [
        "## Connections and variables in Vault",
        "",
        f"Airflow reads connections below `{store.mount}/{connections}` and variables below "
        f"`{store.mount}/{variables}`, before it looks in its database. A connection has the key "
        "`conn_uri`, or a key for each of its fields; a variable has the key `value`. Role "
        f"`{store.role}` can read nothing else.",
        "",
        "```bash",
        f"vault kv put -mount={store.mount} {connections}/my_database conn_uri=-",
        f"{release.airflow_command} connections get my_database >/dev/null && echo found",
        "```",
    ]
    if release.task_namespaces:
        listed = ", ".join(f"`{one}`" for one in release.task_namespaces)
        lines += [
            "",
            f"The role binds these ServiceAccounts in {listed} too: whoever may create one there "
            "can read the connections and variables.",
        ]
    if not shared:
        folder = release.paths.vault
        lines += [
            "",
            "The store is not this Vault, so `apply` sets nothing up there. Vault's owner runs:",
            "",
            "```bash",
            f"vault policy write {store.policy} {folder}/{store.policy}.hcl",
            f"vault write auth/{store.auth_mount}/role/{store.role} @{folder}/{store.role}.json",
            "```",
        ]
    return "\n".join(lines)
