"""Vault's policy and role as files, which `apply` or the Vault team writes to Vault.

Source: facts on Vault, sections 2 and 4 (exact path, no glob; audience on the role; the default
policy stays because External Secrets looks up and revokes its token).
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from wizard.formats.durations import duration_seconds
from wizard.manifests.certificates import CA_KEY
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.stores.vault.settings import VaultSettings


# A comment of the policy names who wrote it; Vault keeps the text of a policy as it was written.
POLICY_SOURCE = OWNER_ANNOTATION


def store_provider(store: VaultSettings, ca_map: str = "") -> dict[str, Any]:
    """Return the store's `spec.provider`.

    The CA is in an existing ConfigMap that the answers name, in our ConfigMap `ca_map`, or inline.
    """
    account: dict[str, Any] = {"name": store.service_account}
    if store.audience:
        account["audiences"] = [store.audience]
    if store.kind == "ClusterSecretStore":
        account["namespace"] = store.account_namespace
    vault: dict[str, Any] = {"server": store.server, "path": store.mount, "version": "v2"}
    if store.vault_namespace:
        vault["namespace"] = store.vault_namespace
    if store.ca_map:
        vault["caProvider"] = {"type": "ConfigMap", "name": store.ca_map, "key": store.ca_key}
        if store.kind == "ClusterSecretStore":
            vault["caProvider"]["namespace"] = store.account_namespace
    elif store.ca and ca_map:
        vault["caProvider"] = {"type": "ConfigMap", "name": ca_map, "key": CA_KEY}
    elif store.ca:
        vault["caBundle"] = base64.b64encode(store.ca.encode()).decode()
    vault["auth"] = {
        "kubernetes": {
            "mountPath": store.auth_mount,
            "role": store.role,
            "serviceAccountRef": account,
        }
    }
    return {"vault": vault}


def policy_file(release: Release, store: VaultSettings) -> File:
    """Return the policy: read access to one path, or to some folders.

    The type of a path excludes characters that need quoting.
    """
    who, what = ("the store", "payload") if not store.reader else (store.reader, "own path")
    what = what if store.has_payload else "connections and variables"
    grants = "".join(
        f'path "{path}" {{\n  capabilities = ["read"]\n}}\n' for path in store.granted_paths
    )
    source = f"# {POLICY_SOURCE}: {release.owner_id}\n" if release.owner_id else ""
    text = (
        f"# Policy {store.policy}: {who} of {release.installation} can read only its {what}.\n"
        f"{source}{grants}"
    )
    path = f"{release.paths.vault}/{store.policy}.hcl"
    return File(f"vault/{store.qualified_name('policy')}", path, text)


def _max_ttl(ttl: str) -> str:
    """Return how long a renewed token may last: an hour, and no less than a new one."""
    return max(ttl, "1h", key=duration_seconds)


def role_file(release: Release, store: VaultSettings) -> File:
    """Return the role, as JSON for `vault write auth/<mount>/role/<role> @file`."""
    role = {
        "bound_service_account_names": list(store.bound_accounts),
        "bound_service_account_namespaces": [store.account_namespace, *store.task_namespaces],
        # Written when empty, too: Vault keeps an audience that a request leaves out.
        "audience": store.audience,
        "token_policies": [store.policy],
        "token_ttl": store.token_ttl,
        "token_max_ttl": _max_ttl(store.token_ttl),
        "alias_name_source": "serviceaccount_uid",
    }
    name = store.role.replace("/", "-")
    text = json.dumps(role, indent=2, ensure_ascii=True) + "\n"
    return File(f"vault/{store.qualified_name('role')}", f"{release.paths.vault}/{name}.json", text)
