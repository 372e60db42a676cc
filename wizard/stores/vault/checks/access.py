"""Checks that policy, role and store agree, and that Vault allows nothing more.

Source: facts on External Secrets (stores) and on Vault (sections 2, 3 and 5).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.checks.stores import list_store_users, list_stores
from wizard.checks.subject import Document, Subject, as_list, as_mapping, get_nested, make_finding
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.secrets.scan import withhold_secrets
from wizard.stores.vault.checks.hcl import Grant, HclError, is_allowed, parse_policy


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of the tree and their files, by name."""

    grants: Mapping[str, tuple[Grant, ...]]
    files: Mapping[str, str]
    # The paths that ExternalSecrets read with each policy; filled during the check.
    read: dict[str, set[str]] = field(default_factory=dict)


def check_vault_access(subject: Subject) -> Iterator[Finding]:
    """Check every Vault store, grant, role and policy."""
    stores = list_stores(subject)
    for store in stores.values():
        yield from _store(subject, store)
    grants: dict[str, tuple[Grant, ...]] = {}
    files = _policy_files(subject)
    for name, path in files.items():
        try:
            grants[name] = parse_policy(subject.files.get(path, b"").decode("utf-8", "replace"))
        except HclError as error:
            fix = 'write path "..." { capabilities = [...] } only'
            yield Finding("vault.policy", "error", path, f"line {error.line}", str(error), Fix(fix))
    policies = Policies(grants, files)
    readers: set[str] = set()
    paths: set[str] = set()
    for document, found in list_store_users(subject, stores):
        if found is not None:
            yield from _grants(subject, document, found, policies, paths)
    for store in stores.values():
        yield from _role(subject, store, readers)
    yield from _policies(policies, readers, paths)


def _store(subject: Subject, store: Document) -> Iterator[Finding]:
    vault = as_mapping(get_nested(store.spec, "provider", "vault"))
    server = str(vault.get("server") or "")
    if vault and not server.startswith("https://"):
        message = "http sends tokens and secrets unencrypted; the API server does not refuse it"
        fix = "use https and set the CA in caProvider or caBundle"
        yield make_finding(store, "store.plain-http", "spec.provider.vault.server", message, fix)
    if vault and vault.get("version") == "v1":
        message = "KV version 1 has no check-and-set and no versions"
        yield make_finding(store, "store.version", "spec.provider.vault.version", message, "use v2")
    config_map = get_nested(vault, "caProvider", "name")
    if get_nested(vault, "caProvider", "type") == "ConfigMap" and store.kind == "SecretStore":
        names = {document.name for document in subject.objects("ConfigMap")}
        # One that the answers name is looked for in the cluster.
        if config_map not in names | subject.layout.config_maps:
            where = "spec.provider.vault.caProvider.name"
            message = "no file in this repository creates this ConfigMap"
            fix = "add it, or make sure that it exists before the store"
            yield make_finding(store, "store.ca", where, message, fix, "warning")


def _grants(
    subject: Subject,
    document: Document,
    store: Document,
    policies: Policies,
    paths: set[str],
) -> Iterator[Finding]:
    """Report paths that the ExternalSecret reads, but the store role's policies do not allow."""
    vault = as_mapping(get_nested(store.spec, "provider", "vault"))
    role = _role_document(subject, store)
    attached = [policies.grants[name] for name in _policy_names(role) if name in policies.grants]
    for where, key in _remote_keys(document):
        path = data_path(str(vault.get("path") or ""), key)
        yield from _check_key(document, where, vault, key)
        paths.add(path)
        for name in _policy_names(role):
            policies.read.setdefault(name, set()).add(path)
        if role is not None and attached and not any(is_allowed(g, path, "read") for g in attached):
            message = "the policy of the store's role does not allow reading this path"
            fix = f'grant read on path "{withhold_secrets(path)}"'
            yield make_finding(document, "vault.not-covered", where, message, fix)


def _policy_files(subject: Subject) -> dict[str, str]:
    return {name.lower(): path for name, path in subject.layout.policies.items()}


def _policy_names(role: Mapping[str, Any] | None) -> list[str]:
    # Vault's names of policies have no case.
    return [str(name).lower() for name in as_list(as_mapping(role).get("token_policies"))]


def data_path(mount: str, key: str) -> str:
    """Return the KV version 2 path, as in policies, that External Secrets reads for a key.

    The key may start with the mount, and then with `data/`; without a mount, its first part is the
    mount. Source: External Secrets 2.9, `buildPath` (providers/v1/vault/client_get.go).
    """
    mount, key = mount.strip("/"), key.strip("/")
    if not mount:
        if "/data/" in key:
            return key
        mount, _, key = key.partition("/")
    elif key.startswith(f"{mount}/"):
        key = key.removeprefix(f"{mount}/").removeprefix("data/")
    return f"{mount}/data/{key}"


def _check_key(
    document: Document, where: str, vault: Mapping[str, Any], key: str
) -> Iterator[Finding]:
    """Report `data/` in a key, or in the mount: KV version 2 has it in the API's paths only."""
    mount = str(vault.get("path") or "").strip("/")
    if not vault or vault.get("version") == "v1":
        return
    fix = "leave data/ out: write the path below the mount, as `vault kv get` takes it"
    if mount.endswith("/data"):
        message = "the store's path ends in data/, and External Secrets adds data/ to it"
        yield make_finding(document, "vault.doubled-data", where, message, f"{fix} (in the store)")
    elif mount and key.strip("/").startswith("data/"):
        message = "External Secrets adds data/ to this key: it would read data/data/"
        yield make_finding(document, "vault.doubled-data", where, message, fix)
    elif mount and key.strip("/").startswith(f"{mount}/data/"):
        message = "mount and data/ are in the store already; External Secrets drops them here"
        yield make_finding(document, "vault.doubled-data", where, message, fix, "warning")


def _remote_keys(document: Document) -> Iterator[tuple[str, str]]:
    for number, item in enumerate(as_list(document.spec.get("data"))):
        key = get_nested(item, "remoteRef", "key")
        if isinstance(key, str):
            yield f"spec.data[{number}].remoteRef.key", key
    for number, item in enumerate(as_list(document.spec.get("dataFrom"))):
        key = get_nested(item, "extract", "key")
        if isinstance(key, str):
            yield f"spec.dataFrom[{number}].extract.key", key


def _kubernetes_auth(store: Document) -> Mapping[str, Any]:
    return as_mapping(get_nested(store.spec, "provider", "vault", "auth", "kubernetes"))


def _role_document(subject: Subject, store: Document) -> Mapping[str, Any] | None:
    """Return the role's JSON: None if the tree has no such role, empty if it is not valid."""
    path = subject.layout.roles.get(str(_kubernetes_auth(store).get("role")))
    try:
        role = json.loads(subject.files[path]) if path is not None else None
    except (KeyError, ValueError):
        return {}
    return role if role is None or isinstance(role, Mapping) else {}


def _role(subject: Subject, store: Document, readers: set[str]) -> Iterator[Finding]:
    """Report a role that does not bind exactly the store's account, namespace and audience."""
    auth = _kubernetes_auth(store)
    role = _role_document(subject, store)
    if role is None:
        return
    path = subject.layout.roles[str(auth.get("role"))]
    readers.update(_policy_names(role))
    account = as_mapping(auth.get("serviceAccountRef"))
    namespace = subject.namespace(store)
    if store.kind == "ClusterSecretStore":
        namespace = str(account.get("namespace") or "")
    audiences = [str(audience) for audience in as_list(account.get("audiences"))]
    wanted = (
        ("bound_service_account_names", str(account.get("name") or ""), "the store's account"),
        ("bound_service_account_namespaces", namespace, "the account's namespace"),
    )
    for name, value, what in wanted:
        bound = role.get(name)
        names = bound if isinstance(bound, list) else str(bound or "").split(",")
        if "*" in names:
            message, fix = "binds every value", f"bind only {what}"
            yield Finding("vault.role", "error", path, name, message, Fix(fix))
        elif value not in names:
            yield Finding(
                "vault.role", "error", path, name, f"does not bind {what}", Fix(f"bind {what}")
            )
    audience = role.get("audience")
    if not audience and not audiences:
        message = "binds no audience: Vault accepts tokens of this account made for other systems"
        fix = "set one in the role and in serviceAccountRef.audiences if Vault's owner allows it"
        yield Finding(
            "vault.role",
            "warning",
            path,
            "audience",
            message,
            Fix(fix, "secrets.vault.audience" if subject.layout.manifests else ""),
        )
    elif not audience or audience not in audiences:
        message = "the store's token does not have this audience, so the login fails"
        fix = "set the same audience in the role and in serviceAccountRef.audiences"
        yield Finding("vault.role", "error", path, "audience", message, Fix(fix))
    known = {*_policy_files(subject), "default"}
    missing = [name for name in _policy_names(role) if name not in known]
    if not _policy_names(role) or missing:
        message = "the role names no policy, or one that this repository does not contain"
        yield Finding(
            "vault.role", "error", path, "token_policies", message, Fix("name the policy")
        )


def _policies(policies: Policies, readers: set[str], paths: set[str]) -> Iterator[Finding]:
    for name, grants in policies.grants.items():
        file = policies.files[name]
        if name in readers:
            for grant in grants:
                where = f"line {grant.line}"
                if set(grant.capabilities) - {"read", "deny"}:
                    message = "grants more than read, which is all the store needs"
                    fix = 'write capabilities = ["read"]'
                    yield Finding("vault.policy-wide", "error", file, where, message, Fix(fix))
                elif "deny" in grant.capabilities or grant.path in policies.read.get(name, ()):
                    continue
                else:
                    others = grant.path in paths
                    message = "grants a path that no ExternalSecret of its store reads"
                    fix = "grant exact paths, one per secret" + (
                        ": this path belongs to a different store's role" if others else ""
                    )
                    yield Finding("vault.policy-wide", "error", file, where, message, Fix(fix))
        else:
            for path in sorted(paths):
                if is_allowed(grants, path, "read"):
                    message = "this policy can read the installation's payload"
                    fix = "grant exact paths outside it: with this grant, DAGs can read every key"
                    yield Finding("vault.payload-readable", "error", file, "", message, Fix(fix))
