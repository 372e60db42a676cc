"""Checks of stores that read AWS Secrets Manager, and of what reads from them.

Source: External Secrets 2.9, SecretStore v1 (aws); AWS documentation, "CreateSecret".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from wizard.checks.stores import list_store_users, list_stores
from wizard.checks.subject import Document, Subject, as_list, as_mapping, get_nested, make_finding
from wizard.findings import Finding
from wizard.stores.aws.names import MAX_SECRET_NAME
from wizard.stores.aws.settings import ROLE_ANNOTATION

# A name, or an ARN: `arn:aws:secretsmanager:eu-central-1:123456789012:secret:airflow/x-AbCdEf`.
_NAME = re.compile(rf"[A-Za-z0-9/_+=.@!:-]{{1,{MAX_SECRET_NAME}}}")


def check_secrets_managers(subject: Subject) -> Iterator[Finding]:
    """Check every store of AWS Secrets Manager, its account, and the names read from it."""
    stores = list_stores(subject)
    for store in stores.values():
        provider = _provider(store)
        if provider:
            yield from _store(subject, store, provider)
    for document, found in list_store_users(subject, stores):
        if found is not None and _provider(found):
            yield from _names(document)


def _provider(store: Document) -> Any:
    provider = as_mapping(get_nested(store.spec, "provider", "aws"))
    return provider if provider.get("service") == "SecretsManager" else {}


def _store(subject: Subject, store: Document, provider: Any) -> Iterator[Finding]:
    where = "spec.provider.aws"
    if not provider.get("region"):
        message, fix = "the region is missing", "name the region of the secrets"
        yield make_finding(store, "aws.region", f"{where}.region", message, fix)
    if get_nested(provider, "auth", "secretRef"):
        message = "an access key is a long-lived secret that others must rotate"
        fix = "use auth.jwt.serviceAccountRef with a role"
        yield make_finding(store, "aws.login", f"{where}.auth.secretRef", message, fix, "warning")
    name = get_nested(provider, "auth", "jwt", "serviceAccountRef", "name")
    account = next((one for one in subject.objects("ServiceAccount") if one.name == name), None)
    if account is None:
        return
    if not as_mapping(get_nested(account.data, "metadata", "annotations")).get(ROLE_ANNOTATION):
        place = f"metadata.annotations.{ROLE_ANNOTATION}"
        message = f"{store.kind} {store.name} logs in with this account, which names no role"
        fix = "set it to the ARN of the IAM role"
        yield make_finding(account, "aws.role", place, message, fix)


def _names(document: Document) -> Iterator[Finding]:
    for part, inner in (("data", "remoteRef"), ("dataFrom", "extract")):
        for number, item in enumerate(as_list(document.spec.get(part))):
            key = get_nested(item, inner, "key")
            if isinstance(key, str) and not _NAME.fullmatch(key):
                where = f"spec.{part}[{number}].{inner}.key"
                message = "no secret in Secrets Manager can have this name"
                fix = f"use 1 to {MAX_SECRET_NAME} letters, digits and /_+=.@-"
                yield make_finding(document, "aws.name", where, message, fix)


CHECKS = (check_secrets_managers,)
