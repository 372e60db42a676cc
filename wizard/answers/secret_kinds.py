"""Which references a question about a secret takes: not every value can be generated."""

from __future__ import annotations

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
