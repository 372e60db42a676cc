"""The account, store and Secret of another reader, in its own namespace and from its own path.

Argo CD cannot read its credential from the repository that the credential opens, so `apply` creates
these objects.
Source: facts on Argo CD (Repo credentials) and on External Secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.external_secrets import (
    account_object,
    secret_object,
    store_object,
)
from wizard.manifests.objects import owner_annotation
from wizard.manifests.tree import File
from wizard.stores.vault.manifests import policy_file, role_file, store_provider

if TYPE_CHECKING:
    from wizard.manifests.contribution import Reader
    from wizard.manifests.release import Release
    from wizard.stores.vault.settings import VaultSettings


def reader_files(release: Release, store: VaultSettings, reader: Reader) -> tuple[File, ...]:
    """Return policy and role for Vault, and the objects."""
    purpose = reader.secret.purpose
    return (
        policy_file(release, store),
        role_file(release, store),
        _file(
            release,
            reader,
            "account",
            account_object(_metadata(release, reader, store.service_account)),
        ),
        _file(
            release,
            reader,
            "store",
            store_object(store, _metadata(release, reader, store.name), store_provider(store)),
        ),
        _file(
            release,
            reader,
            "secret",
            secret_object(store, reader.secret, _metadata(release, reader, reader.secret.name)),
            f"{purpose[:1].upper()}{purpose[1:]}.",
        ),
    )


def _metadata(release: Release, reader: Reader, name: str) -> dict[str, Any]:
    labels = {
        "app.kubernetes.io/part-of": "airflow",
        "app.kubernetes.io/managed-by": "airflow-wizard",
    }
    found: dict[str, Any] = {"name": name, "namespace": reader.namespace, "labels": labels}
    if annotations := owner_annotation(release):
        found["annotations"] = annotations
    return found


def _file(
    release: Release, reader: Reader, part: str, data: dict[str, Any], header: str = ""
) -> File:
    logical = f"{reader.files}{part}"
    path = f"{release.paths.argocd}/{logical.removeprefix('argocd/')}.yaml"
    return File(logical, path, dump_yaml(data, header=header))
