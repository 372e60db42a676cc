"""The PostgreSQL that the chart bundles, for local clusters only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.chart.images import postgresql_settings
from wizard.manifests.contribution import Contribution
from wizard.manifests.postgres import POSTGRES_PORT, Endpoint
from wizard.secrets.facts import Fact, FactUse, Form, SecretSpec

if TYPE_CHECKING:
    from wizard.manifests.release import Release


def bundled_database_contribution(release: Release) -> Contribution:
    """Enable the bundled PostgreSQL with our own Secrets, so that the chart creates none."""
    fact = Fact("databasePassword", Form.PASSWORD, "database password")
    endpoint = Endpoint(
        release.names.bundled_postgres_host,
        POSTGRES_PORT,
        "postgres",
        "postgres",
        fact,
        "disable",
        False,
    )
    metadata = SecretSpec(
        release.secret("metadata"),
        {"connection": endpoint.url()},
        ("data.metadataSecretName",),
        "metadata database",
    )
    auth = SecretSpec(
        release.secret("postgresql-auth"),
        {"postgres-password": (FactUse(fact),), "password": (FactUse(fact),)},
        ("postgresql.auth.existingSecret",),
        "bundled PostgreSQL",
    )
    secrets = [metadata, auth]
    settings: dict[str, object] = {
        "postgresql.enabled": True,
        "postgresql.auth.existingSecret": auth.name,
        "postgresql.primary.persistence.size": "1Gi",
        "data.metadataSecretName": metadata.name,
        **postgresql_settings(release.chart),
    }
    if release.celery and not release.isolated_database:
        backend = SecretSpec(
            release.secret("result-backend"),
            {"connection": endpoint.url("db+postgresql")},
            ("data.resultBackendSecretName",),
            "Celery results",
        )
        secrets.append(backend)
        settings["data.resultBackendSecretName"] = backend.name
    return Contribution(
        settings=settings,
        comments={"postgresql": "for local clusters only: one pod, no backup"},
        secrets=tuple(secrets),
    )
