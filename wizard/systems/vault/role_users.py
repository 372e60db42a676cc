"""Who else logs in with a role: stores and generators of External Secrets in the role's cluster.

The login of a store names a mount and a role, and a ServiceAccount. It works only if the role binds
that account, so a store with another account is no user, whatever it names. Source: External
Secrets, `spec.provider.vault.auth.kubernetes` of the stores, and VaultDynamicSecret.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.protocol import Kube, Ref
from wizard.formats.yaml_reader import read_mapping
from wizard.systems.cluster.source import is_source_copied, judge_object
from wizard.systems.cluster.store_users import LOGIN_KINDS, list_objects, walk

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target

# Where External Secrets logs in if a store names no mount.
_DEFAULT_MOUNT = "kubernetes"


def find_role_users(
    kube: Kube, target: Target, store: VaultSettings, role: Mapping[str, Any]
) -> list[Ref]:
    """Return what logs in with a role and is not this installation's.

    `role` is the role as Vault holds it. Raises KubeError if they cannot be listed.
    """
    own, committed = target.release.owner_id, _list_committed(target)
    found = []
    for ref, one in list_objects(kube, LOGIN_KINDS, _list_namespaces(role)):
        owner = judge_object(one, own)
        # A copy of ours names our source too, and whoever made it logs in.
        if owner.is_ours and not is_source_copied(one):
            continue
        if ref in committed and not owner.is_proven_foreign:
            continue
        logins = walk(one.get("spec"), "kubernetes")
        if any(_uses(login, store, role, ref.namespace) for login in logins):
            found.append(ref)
    return found


def _list_namespaces(role: Mapping[str, Any]) -> list[str]:
    """Return where to look: in the namespaces that the role binds, or everywhere for a pattern."""
    bound = _bound(role, "namespaces")
    return [""] if not bound or any(set("*?[") & set(one) for one in bound) else bound


def _list_committed(target: Target) -> Collection[Ref]:
    """Return the stores of this installation, which earlier steps of a removal delete."""
    manifests = (
        read_mapping(text, logical)
        for logical, text in target.files_under("").items()
        if "SecretStore\n" in text
    )
    return {Ref.from_manifest(one) for one in manifests if (one.get("metadata") or {}).get("name")}


def _uses(
    login: Mapping[str, Any], store: VaultSettings, role: Mapping[str, Any], namespace: str
) -> bool:
    mount = str(login.get("mountPath") or _DEFAULT_MOUNT).strip("/")
    # Vault's names of roles are in lower case.
    if (mount, str(login.get("role") or "").lower()) != (
        store.auth_mount.strip("/"),
        store.role.lower(),
    ):
        return False
    account = login.get("serviceAccountRef")
    if not isinstance(account, Mapping):
        # A token in a Secret, or the operator's own: whose it is cannot be seen.
        return True
    place = str(account.get("namespace") or namespace)
    return _is_bound(role, "names", str(account.get("name"))) and (
        not place or _is_bound(role, "namespaces", place)
    )


def _is_bound(role: Mapping[str, Any], what: str, name: str) -> bool:
    bound = _bound(role, what)
    return not bound or any(fnmatchcase(name, one) for one in bound)


def _bound(role: Mapping[str, Any], what: str) -> list[str]:
    found = role.get(f"bound_service_account_{what}") or []
    return [str(one) for one in ([found] if isinstance(found, str) else found)]
