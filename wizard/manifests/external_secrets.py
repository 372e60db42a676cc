"""External Secrets: the store, its ServiceAccount, and one ExternalSecret per Kubernetes Secret.

Every field with a default is written out, so that Argo CD shows no difference with any
version of the operator. Source: facts on External Secrets (v1 API, 0.16 to 2.9), tested with strict
validation on a real API server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from wizard.formats.durations import canonical_duration
from wizard.manifests.objects import (
    BASICS_WAVE,
    SECRETS_WAVE,
    STORE_WAVE,
    manifest_file,
    object_metadata,
)
from wizard.manifests.templates import go_template
from wizard.manifests.tree import File
from wizard.secrets.facts import SecretSpec
from wizard.secrets.payload import PayloadPlace

if TYPE_CHECKING:
    from wizard.manifests.release import Release

# The operator, in words.
OPERATOR = "External Secrets"
API_VERSION = "external-secrets.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings(PayloadPlace):
    """Settings of a store of External Secrets that do not depend on its provider."""

    name: str
    kind: Literal["SecretStore", "ClusterSecretStore"]
    service_account: str
    account_namespace: str
    refresh_interval: str

    def remote_reference(self, key: str) -> dict[str, str]:
        """Return where the operator reads a key of the payload: `key` and `property`.

        Here the payload is one secret of many keys. A store with a secret for each key overrides
        this.
        """
        return {"key": self.path, "property": key}

    def qualified_name(self, name: str) -> str:
        """Return a name with the reader's id in front, or the name itself without a reader."""
        return f"{self.reader}-{name}" if self.reader else name


def service_account(
    release: Release, store: StoreSettings, annotations: Mapping[str, str] | None = None
) -> File:
    """Return the ServiceAccount of this store; no pod gets its token.

    `annotations` name its identity at a cloud.
    """
    about = object_metadata(release, store.service_account, wave=BASICS_WAVE)
    if annotations:
        about["annotations"] = {**annotations, **about.get("annotations", {})}
    return manifest_file(release, "service-account", account_object(about))


def account_object(about: dict[str, Any]) -> dict[str, Any]:
    """Return a ServiceAccount that only External Secrets requests tokens for."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": about,
        "automountServiceAccountToken": False,
    }


def secret_store(release: Release, store: StoreSettings, provider: Mapping[str, Any]) -> File:
    """Return the SecretStore, or a ClusterSecretStore that only this namespace may use."""
    cluster = store.kind == "ClusterSecretStore"
    about = object_metadata(release, store.name, wave=STORE_WAVE, namespaced=not cluster)
    data = store_object(store, about, provider)
    if cluster:
        data["spec"]["conditions"] = [{"namespaces": [release.namespace]}]
    return manifest_file(release, "store", data)


def store_object(
    store: StoreSettings, about: dict[str, Any], provider: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a store as an object; `provider` is its `spec.provider`."""
    return {
        "apiVersion": API_VERSION,
        "kind": store.kind,
        "metadata": about,
        "spec": {"provider": dict(provider)},
    }


def external_secret(release: Release, store: StoreSettings, secret: SecretSpec) -> File:
    """Return one ExternalSecret; Argo CD does not delete it, so its values are not lost."""
    about = object_metadata(
        release, secret.name, wave=SECRETS_WAVE, sync_options="Prune=false,Delete=false"
    )
    header = f"{secret.purpose[:1].upper()}{secret.purpose[1:]}." if secret.purpose else ""
    return manifest_file(release, secret.stem, secret_object(store, secret, about), header)


def secret_object(
    store: StoreSettings, secret: SecretSpec, about: dict[str, Any]
) -> dict[str, Any]:
    """Return an ExternalSecret as an object; its template holds the labels of the Secret."""
    reference = {
        "conversionStrategy": "Default",
        "decodingStrategy": "None",
        "metadataPolicy": "None",
    }
    if store.document:
        facts = {"config": "config"} if secret.facts else {}
    else:
        facts = {fact.key: fact.key for fact in secret.facts}
    template: dict[str, Any] = {
        "type": secret.type,
        "engineVersion": "v2",
        "mergePolicy": "Replace",
        **({"metadata": {"labels": dict(secret.labels)}} if secret.labels else {}),
        "data": {
            key: go_template(parts, document=store.document) for key, parts in secret.keys.items()
        },
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "ExternalSecret",
        "metadata": about,
        "spec": {
            "refreshPolicy": "Periodic",
            "refreshInterval": canonical_duration(store.refresh_interval),
            "secretStoreRef": {"name": store.name, "kind": store.kind},
            "target": {
                "name": secret.name,
                "creationPolicy": "Owner",
                "deletionPolicy": "Retain",
                "template": template,
            },
            "data": [
                {
                    "secretKey": key,
                    "remoteRef": {**store.remote_reference(prop), **reference},
                }
                for key, prop in facts.items()
            ],
        },
    }
