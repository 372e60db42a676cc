"""Which references a question about a secret takes: not every value can be generated."""

from __future__ import annotations

from collections.abc import Mapping

from wizard.secrets.references import KINDS, ReferenceKind

# Values that another system issues, with what to answer instead.
NOT_GENERATED = {
    "access.oauth.client_secret": "or access.login password",
    "broker.url": "or broker.kind chart-redis",
    "dags.credentials.password": "or a public repository",
    "delivery.argocd.token": "or a repository over SSH",
    "logs.connection": "or logs.auth identity",
    "logs.password": "or a bucket (logs.destination) with logs.auth identity",
}


def reference_kinds(key: str) -> tuple[ReferenceKind, ...]:
    """Return the kinds of reference that the question `key` takes."""
    return tuple(kind for kind in KINDS if kind != "generate" or key not in NOT_GENERATED)


def describe_reading(value: object) -> str:
    """Return who reads the value of a secret reference, where and when."""
    one = value if isinstance(value, Mapping) else {}
    if "env" in one:
        return f"`secrets` reads {one['env'] or 'it'} here, when it fills the store."
    if "file" in one:
        return "`secrets` reads the file here, when it fills the store."
    if "prompt" in one:
        return "`secrets` asks for it here, when it fills the store."
    if "generate" in one:
        return "`secrets` makes it in the store, once."
    return "Nothing reads it here: somebody else puts it into the store."
