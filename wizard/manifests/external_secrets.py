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
from wizard.manifests.tree import File
from wizard.secrets.facts import Encoding, FactUse, Form, SecretSpec, Template
from wizard.secrets.payload import PayloadPlace

if TYPE_CHECKING:
    from wizard.manifests.release import Release

API_VERSION = "external-secrets.io/v1"

# `urlquery` encodes a space as +, which is not decoded in the password of a URL.
_FILTERS = {
    Encoding.RAW: "",
    Encoding.URL: ' | urlquery | replace "+" "%20"',
    Encoding.USERLIST: ' | replace "\\"" "\\"\\""',
    Encoding.JSON: " | toJson",
    # OpenSSH refuses a key with CRLF or without a final newline; the template adds the newline.
    Encoding.PEM: ' | replace "\\r" "" | trim',
}
_KEY_AS_JSON = f'{_FILTERS[Encoding.PEM]} | printf "%s\\n" | toJson'


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


def service_account(release: Release, store: StoreSettings) -> File:
    """Return the ServiceAccount of this store; no pod gets its token."""
    about = object_metadata(release, store.service_account, wave=BASICS_WAVE)
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


def go_template(template: Template, *, document: bool) -> str:
    """Return the text of one Secret key for template engine v2 of the operator.

    Literal text that would open an action is quoted, so an answer never becomes template code.
    """
    text = ""
    for part in template:
        if isinstance(part, FactUse):
            place = f"(fromYaml .config).{part.fact.place}" if document else f".{part.fact.key}"
            text += "{{ " + place + _filters(part) + " }}"
        else:
            text += _literal(part)
    return text


def _literal(text: str) -> str:
    quoted = text.replace("{{", '{{ "{{" }}')
    # A brace at the end would become part of the action that follows.
    return f'{quoted[:-1]}{{{{ "{{" }}}}' if quoted.endswith("{") else quoted


def _filters(use: FactUse) -> str:
    if use.encoding is Encoding.JSON and use.fact.form is Form.SSH_KEY:
        return _KEY_AS_JSON
    return _FILTERS[use.encoding]


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
