"""Who else logs in with a role: stores and generators of External Secrets in the role's cluster.

The login of a store names a mount and a role, and a ServiceAccount. It works only if the role binds
that account, so a store with another account is no user, whatever it names. Source: External
Secrets, `spec.provider.vault.auth.kubernetes` of the stores, and VaultDynamicSecret.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.formats.yaml_reader import read_mapping
from wizard.systems.cluster.source import judge_object

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target

_STORES = "external-secrets.io/v1"
_GENERATORS = "generators.external-secrets.io/v1alpha1"
_KINDS = (
    (_STORES, "SecretStore"),
    (_STORES, "ClusterSecretStore"),
    (_GENERATORS, "VaultDynamicSecret"),
    (_GENERATORS, "ClusterGenerator"),
)
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
    for api, kind, namespace in _list_places(role):
        for one in _find(kube, api, kind, namespace):
            place = "" if kind.startswith("Cluster") else str(one["metadata"]["namespace"])
            ref = Ref(api, kind, str(one["metadata"]["name"]), place)
            owner = judge_object(one, own)
            if owner.is_ours or (ref in committed and not owner.is_proven_foreign):
                continue
            if any(_uses(login, store, role, place) for login in _find_logins(one.get("spec"))):
                found.append(ref)
    return found


def _list_places(role: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what to list: in the namespaces that the role binds, or everywhere for a pattern."""
    bound = _bound(role, "namespaces")
    is_open = not bound or any(set("*?[") & set(one) for one in bound)
    for api, kind in _KINDS:
        if is_open or kind.startswith("Cluster"):
            yield api, kind, ""
        else:
            yield from ((api, kind, namespace) for namespace in bound)


def _find(kube: Kube, api: str, kind: str, namespace: str) -> list[KubeObject]:
    try:
        return kube.find(api, kind, namespace)
    except KubeError as error:
        # The cluster does not serve the kind.
        if error.kind == "missing":
            return []
        raise


def _list_committed(target: Target) -> Collection[Ref]:
    """Return the stores of this installation, which earlier steps of a removal delete."""
    manifests = (
        read_mapping(text, logical)
        for logical, text in target.files_under("").items()
        if "SecretStore\n" in text
    )
    return {Ref.from_manifest(one) for one in manifests if (one.get("metadata") or {}).get("name")}


def _find_logins(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield every login with a ServiceAccount's token, at any depth of a spec."""
    if isinstance(value, list):
        for one in value:
            yield from _find_logins(one)
    if not isinstance(value, Mapping):
        return
    for name, one in value.items():
        if name == "kubernetes" and isinstance(one, Mapping) and "role" in one:
            yield one
        else:
            yield from _find_logins(one)


def _uses(
    login: Mapping[str, Any], store: VaultSettings, role: Mapping[str, Any], namespace: str
) -> bool:
    mount = str(login.get("mountPath") or _DEFAULT_MOUNT).strip("/")
    # Vault's names of roles are in lower case.
    if (mount, str(login["role"]).lower()) != (store.auth_mount.strip("/"), store.role.lower()):
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
