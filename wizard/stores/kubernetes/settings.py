"""Where the values are: one Secret in Airflow's namespace, from which the others are composed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.secrets.payload import PayloadPlace

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers

NAME = "kubernetes"
VALUES_SUFFIX = "generated"


def values_secret(release: Release) -> str:
    """Return the name of the Secret with the values; no pod reads it."""
    return release.secret(VALUES_SUFFIX)


def payload_place(secrets: SecretsAnswers, release: Release) -> PayloadPlace:
    """Return namespace and name of the Secret with the values."""
    del secrets
    return PayloadPlace(mount=release.namespace, path=values_secret(release))


def describe_place(secrets: SecretsAnswers, installation: str) -> tuple[str, str]:
    """Return the place of the values in words, for messages."""
    del secrets, installation
    return "a Secret in Airflow's namespace", "the cluster"
