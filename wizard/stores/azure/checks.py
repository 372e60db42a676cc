"""Checks of stores that read an Azure Key Vault, and of what reads from them.

Source: facts on External Secrets (azurekv); Azure documentation, "About keys, secrets and
certificates".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from wizard.checks.stores import list_store_users, list_stores
from wizard.checks.subject import Document, Subject, as_list, as_mapping, get_nested, make_finding
from wizard.findings import Finding
from wizard.stores.azure.settings import CLIENT_ANNOTATION, TENANT_ANNOTATION

# A type may stand in front of a name: `secret/airflow-fernet-key`.
_NAME = re.compile(r"((secret|key|cert)/)?[0-9A-Za-z-]{1,127}")


def check_key_vaults(subject: Subject) -> Iterator[Finding]:
    """Check every store of an Azure Key Vault, its account, and the names read from it."""
    stores = list_stores(subject)
    for store in stores.values():
        provider = as_mapping(get_nested(store.spec, "provider", "azurekv"))
        if provider:
            yield from _store(subject, store, provider)
    for document, found in list_store_users(subject, stores):
        if found is not None and as_mapping(get_nested(found.spec, "provider", "azurekv")):
            yield from _names(document)


def _store(subject: Subject, store: Document, provider: Any) -> Iterator[Finding]:
    where = "spec.provider.azurekv"
    if not str(provider.get("vaultUrl") or "").startswith("https://"):
        message, fix = "a Key Vault is read over https only", "use its https address"
        yield make_finding(store, "store.plain-http", f"{where}.vaultUrl", message, fix)
    if provider.get("authType", "ServicePrincipal") == "ServicePrincipal":
        message = "a service principal logs in with a long-lived secret that others must rotate"
        fix = "use authType WorkloadIdentity with a serviceAccountRef"
        yield make_finding(store, "azure.login", f"{where}.authType", message, fix, "warning")
        return
    name = get_nested(provider, "serviceAccountRef", "name")
    account = next((one for one in subject.objects("ServiceAccount") if one.name == name), None)
    if provider.get("authType") != "WorkloadIdentity" or account is None:
        return
    notes = as_mapping(get_nested(account.data, "metadata", "annotations"))
    if not notes.get(CLIENT_ANNOTATION):
        place = f"metadata.annotations.{CLIENT_ANNOTATION}"
        message = f"{store.kind} {store.name} logs in with this account, which names no identity"
        fix = "set it to the client ID of the managed identity"
        yield make_finding(account, "azure.identity", place, message, fix)
    tenant = notes.get(TENANT_ANNOTATION)
    if tenant and provider.get("tenantId") and tenant != provider["tenantId"]:
        message = f"ServiceAccount {name} names another tenant"
        fix = "name the same tenant in both: secrets.azure.tenant_id"
        yield make_finding(store, "azure.tenant", f"{where}.tenantId", message, fix)


def _names(document: Document) -> Iterator[Finding]:
    items = [("data", "remoteRef"), ("dataFrom", "extract")]
    for part, inner in items:
        for number, item in enumerate(as_list(document.spec.get(part))):
            key = get_nested(item, inner, "key")
            if isinstance(key, str) and not _NAME.fullmatch(key):
                where = f"spec.{part}[{number}].{inner}.key"
                message = "no secret in a Key Vault can have this name"
                fix = "use 1 to 127 letters, digits and hyphens"
                yield make_finding(document, "azure.name", where, message, fix)


CHECKS = (check_key_vaults,)
