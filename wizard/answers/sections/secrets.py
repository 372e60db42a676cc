"""Secrets store: where secret values live, and how they become Kubernetes Secrets."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wizard.answers.conditions import CLUSTER_STORE, VAULT
from wizard.answers.section import Model, QuestionInfo, Section
from wizard.answers.sections.ca import CaFile
from wizard.formats.types import (
    Audience,
    Duration,
    HttpsUrl,
    KubeName,
    OptionalVaultPath,
    VaultName,
    VaultNamespace,
    VaultPath,
)
from wizard.manifests.admission_policy import account_guard
from wizard.manifests.certificates import ca_config_map
from wizard.manifests.contribution import Contribution, Reader, StepSpec
from wizard.manifests.external_secrets import (
    StoreSettings,
    external_secret,
    secret_store,
    service_account,
)
from wizard.manifests.release import Release
from wizard.manifests.store_readers import reader_files
from wizard.manifests.tree import File
from wizard.manifests.vault import policy_file, role_file
from wizard.secrets.facts import Fact, FactUse, Form, SecretSpec

# Secret suffix, key the chart reads, setting, fact, purpose (chart 1.22.0, Secret contract).
_FERNET = (
    "fernet-key",
    "fernet-key",
    "fernetKeySecretName",
    Fact("fernetKey", Form.FERNET, "Fernet key"),
    "encrypts connections and variables in the database",
)
_KEYS_3 = (
    _FERNET,
    (
        "api-secret-key",
        "api-secret-key",
        "apiSecretKeySecretName",
        Fact("apiSecretKey", Form.KEY, "API secret key"),
        "signs sessions and log requests",
    ),
    (
        "jwt-secret",
        "jwt-secret",
        "jwtSecretName",
        Fact("jwtSecret", Form.KEY, "JWT secret"),
        "signs the tokens of running tasks",
    ),
)
_KEYS_2 = (
    _FERNET,
    (
        "webserver-secret-key",
        "webserver-secret-key",
        "webserverSecretKeySecretName",
        Fact("webserverSecretKey", Form.KEY, "webserver secret key"),
        "signs sessions and log requests",
    ),
)


_GUARD_STEP = StepSpec(
    "cluster.store-account", "Keep pods away from the store's ServiceAccount", "platform"
)


def _reader_steps(store: StoreSettings) -> tuple[StepSpec, ...]:
    """What a reader's path needs beside what the installation's has."""
    role = f"Write role {store.role} at {store.auth_mount}"
    return (
        StepSpec(
            f"vault.{store.qualified_name('policy')}", f"Write policy {store.policy}", "vault"
        ),
        StepSpec(f"vault.{store.qualified_name('role')}", role, "vault"),
        StepSpec(
            f"vault.{store.qualified_name('payload')}", f"Fill {store.mount}/{store.path}", "me"
        ),
    )


class VaultStore(Model):
    """HashiCorp Vault or OpenBao, KV version 2."""

    server: Annotated[HttpsUrl, QuestionInfo(when=VAULT, required=True)] = Field(
        default="",
        title="Server",
        description="Vault's https address as the operator's pods reach it.",
    )
    ca: Annotated[CaFile, QuestionInfo(when=VAULT)] = Field(default_factory=CaFile)
    mount: Annotated[VaultPath, QuestionInfo(when=VAULT)] = Field(
        default="secret", title="Mount", description="KV version 2 mount; version 1 is refused."
    )
    path: Annotated[OptionalVaultPath, QuestionInfo(when=VAULT)] = Field(
        default="",
        title="Path",
        description=(
            "Where the payload lives; empty is airflow-install/<name>/config, out of reach of "
            "what workers may read."
        ),
    )
    auth_mount: Annotated[VaultPath, QuestionInfo(when=VAULT)] = Field(
        default="kubernetes",
        title="Auth mount",
        description="Vault's Kubernetes auth mount of this cluster; one mount a cluster.",
    )
    role: Annotated[VaultName, QuestionInfo(when=VAULT)] = Field(
        default="external-secrets-airflow",
        title="Role",
        description="Vault role the store logs in with; it may read the payload and nothing else.",
    )
    audience: Annotated[Audience, QuestionInfo(when=VAULT, required=True)] = Field(
        default="vault",
        title="Audience",
        description="Audience of the token and of the role: both must say the same.",
    )
    namespace: Annotated[VaultNamespace, QuestionInfo(when=VAULT)] = Field(
        default="",
        title="Vault namespace",
        description="Namespace of Vault Enterprise or OpenBao; empty is the root.",
    )
    service_account: Annotated[KubeName, QuestionInfo(when=CLUSTER_STORE)] = Field(
        default="external-secrets",
        title="Operator account",
        description="ServiceAccount of the External Secrets Operator.",
    )
    operator_namespace: Annotated[KubeName, QuestionInfo(when=CLUSTER_STORE)] = Field(
        default="external-secrets",
        title="Operator namespace",
        description="Namespace of the External Secrets Operator.",
    )


class Secrets(Section):
    """Where secrets live."""

    title: ClassVar[str] = "Secrets store"
    intro: ClassVar[str] = "Git holds names of Secrets; their values live in the store."
    preview: ClassVar[str] = "secrets/store"

    store: Annotated[
        Literal["vault", "kubernetes"],
        QuestionInfo(
            labels={
                "vault": "Vault through External Secrets",
                "kubernetes": "Secrets made by hand (local)",
            }
        ),
    ] = Field(
        default="vault",
        title="Store",
        description="External Secrets copies Vault's values into the cluster; Git never sees them.",
    )
    scope: Annotated[
        Literal["namespace", "cluster"],
        QuestionInfo(
            when=VAULT,
            labels={
                "namespace": "SecretStore, own account",
                "cluster": "ClusterSecretStore with conditions",
            },
        ),
    ] = Field(
        default="namespace",
        title="Scope",
        description="A SecretStore with an account of its own serves this namespace alone.",
    )
    payload: Annotated[
        Literal["keys", "document"],
        QuestionInfo(
            when=VAULT,
            labels={"keys": "one key a value", "document": "one YAML document under `config`"},
        ),
    ] = Field(
        default="keys",
        title="Payload",
        description="One key a value fails one by one; a document is read as a whole.",
    )
    refresh_interval: Annotated[
        Duration, QuestionInfo(when=VAULT, preview="secrets/airflow-metadata")
    ] = Field(
        default="1h",
        title="Refresh",
        description="How often the operator reads the store: each read is a login.",
    )
    vault: VaultStore = Field(default_factory=VaultStore, title="Vault")

    def contribute(self, release: Release) -> Contribution:
        """Airflow's own keys: each named, or the chart makes a new one at every sync."""
        keys = _KEYS_3 if release.airflow_3 else _KEYS_2
        secrets = [
            SecretSpec(release.secret(suffix), {key: (FactUse(fact),)}, (setting,), purpose)
            for suffix, key, setting, fact, purpose in keys
        ]
        settings = {setting: secret.name for secret in secrets for setting in secret.settings}
        return Contribution(settings=settings, secrets=tuple(secrets))

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Store, one ExternalSecret a Secret, Vault's policy and role."""
        if self.store != "vault":
            return Contribution()
        store = self.store_settings(release)
        manifests: list[File] = [secret_store(release, store)]
        files: list[File] = [policy_file(release, store), role_file(release, store)]
        if self.scope == "namespace":
            manifests.append(service_account(release, store))
            guard = account_guard(release, store.service_account)
            (files if release.delivery == "argocd" else manifests).extend(guard)
            if self.vault.ca.file:
                manifests.append(ca_config_map(release, "vault-ca", store.ca))
        for secret in total.secrets:
            manifests.append(external_secret(release, store, secret))
        actions: tuple[StepSpec, ...] = (
            StepSpec("vault.mount", f"Mount KV version 2 at {store.mount}", "vault"),
            StepSpec("vault.policy", f"Write policy {store.policy}", "vault"),
            StepSpec("vault.auth", f"Set up auth mount {store.auth_mount}", "vault"),
            StepSpec("vault.role", f"Write role {store.role} at {store.auth_mount}", "vault"),
            StepSpec("vault.payload", f"Fill {store.mount}/{store.path}", "me"),
        )
        for reader in total.readers:
            own = self.reader_settings(release, reader)
            files.extend(reader_files(release, own, reader))
            actions += _reader_steps(own)
        return Contribution(
            manifests=tuple(manifests),
            files=tuple(files),
            actions=actions if self.scope == "cluster" else (*actions, _GUARD_STEP),
        )

    def reader_settings(self, release: Release, reader: Reader) -> StoreSettings:
        """The same for somebody else: the same Vault, and nothing else in common."""
        store = self.store_settings(release)
        return replace(
            store,
            name=reader.name,
            kind="SecretStore",
            path=reader.path or f"airflow-install/{release.installation}/{reader.id}",
            auth_mount=reader.auth_mount or store.auth_mount,
            role=reader.role or f"{store.role}-{reader.id}",
            service_account=reader.name,
            account_namespace=reader.namespace,
            document=False,
            reader=reader.id,
        )

    def store_settings(self, release: Release) -> StoreSettings:
        """What store, policy, role and every client of Vault must agree on."""
        vault = self.vault
        own = self.scope == "namespace"
        return StoreSettings(
            name=f"vault-{release.installation}",
            kind="SecretStore" if own else "ClusterSecretStore",
            server=vault.server,
            ca=release.assets.get("secrets.vault.ca.file", "") if vault.ca.file else "",
            mount=vault.mount,
            path=vault.path or f"airflow-install/{release.installation}/config",
            auth_mount=vault.auth_mount,
            role=vault.role,
            audience=vault.audience,
            vault_namespace=vault.namespace,
            service_account=(
                release.names.object_name("external-secrets") if own else vault.service_account
            ),
            account_namespace=release.namespace if own else vault.operator_namespace,
            document=self.payload == "document",
            refresh_interval=self.refresh_interval,
        )
