"""Who else reads the store: account, store and Secret in their namespace, from a path of theirs.

Argo CD cannot fetch these from the repository that they let it read, so `apply` puts them in place.
Source: facts on Argo CD (Repo credentials) and on External Secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.external_secrets import (
    StoreSettings,
    account_object,
    secret_object,
    store_object,
)
from wizard.manifests.objects import owner_annotation
from wizard.manifests.tree import File
from wizard.manifests.vault import policy_file, role_file

if TYPE_CHECKING:
    from wizard.manifests.contribution import Reader
    from wizard.manifests.release import Release


CREDENTIAL_TITLE = "Give Argo CD a store of its own, with its credential"
CREDENTIAL_WAIT = "Wait until Argo CD has its credential for this repository"
CREDENTIAL_PREFIX = "argocd/bootstrap/credential-"
# The order in which they are applied.
CREDENTIAL_PARTS = ("account", "store", "secret")


def reader_files(release: Release, store: StoreSettings, reader: Reader) -> tuple[File, ...]:
    """All of it: policy and role in Vault, and the objects."""
    purpose = reader.secret.purpose
    return (
        policy_file(release, store),
        role_file(release, store),
        _file(
            release, "account", account_object(_metadata(release, reader, store.service_account))
        ),
        _file(release, "store", store_object(store, _metadata(release, reader, store.name))),
        _file(
            release,
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


def _file(release: Release, part: str, data: dict[str, Any], header: str = "") -> File:
    logical = f"{CREDENTIAL_PREFIX}{part}"
    path = f"{release.paths.argocd}/{logical.removeprefix('argocd/')}.yaml"
    return File(logical, path, dump_yaml(data, header=header))
