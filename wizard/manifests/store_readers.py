"""The account, store and Secret of another reader, in its own namespace and from its own place.

Argo CD cannot read its credential from the repository that the credential opens, so `apply` creates
these objects.
Source: facts on Argo CD (Repo credentials) and on External Secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.external_secrets import account_object, secret_object, store_object
from wizard.manifests.objects import owner_annotation
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.contribution import Reader
    from wizard.manifests.external_secrets import StoreSettings
    from wizard.manifests.release import Release


def reader_files(
    release: Release,
    store: StoreSettings,
    reader: Reader,
    provider: Mapping[str, Any],
    annotations: Mapping[str, str] | None = None,
) -> tuple[File, ...]:
    """Return the reader's objects; `provider` is its store's, `annotations` are its account's."""
    purpose = reader.secret.purpose
    account = _metadata(release, reader, store.service_account, annotations)
    about = _metadata(release, reader, reader.secret.name)
    return (
        _file(release, reader, "account", account_object(account)),
        _file(
            release,
            reader,
            "store",
            store_object(store, _metadata(release, reader, store.name), provider),
        ),
        _file(
            release,
            reader,
            "secret",
            secret_object(store, reader.secret, about),
            f"{purpose[:1].upper()}{purpose[1:]}.",
        ),
    )


def _metadata(
    release: Release, reader: Reader, name: str, annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    labels = {
        "app.kubernetes.io/part-of": "airflow",
        "app.kubernetes.io/managed-by": "airflow-wizard",
    }
    found: dict[str, Any] = {"name": name, "namespace": reader.namespace, "labels": labels}
    if every := {**(annotations or {}), **owner_annotation(release)}:
        found["annotations"] = every
    return found


def _file(
    release: Release, reader: Reader, part: str, data: dict[str, Any], header: str = ""
) -> File:
    logical = f"{reader.files}{part}"
    path = f"{release.paths.argocd}/{logical.removeprefix('argocd/')}.yaml"
    return File(logical, path, dump_yaml(data, header=header))
