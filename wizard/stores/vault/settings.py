"""The settings that the store object, Vault's policy and role, and all clients share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.errors import AnswersError, Problem
from wizard.manifests.external_secrets import StoreSettings
from wizard.stores.vault.questions import NAME, NO_AUDIENCE, CredentialPath, VaultStore

if TYPE_CHECKING:
    from wizard.manifests.contribution import Reader
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers

# The reader whose role Airflow's components log in with, at runtime.
RUNTIME = "runtime"
_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings(StoreSettings):
    """Settings of a store whose values are in Vault, KV version 2.

    `audience` is empty if the role binds none. A role for several ServiceAccounts has them as
    `accounts`; `service_account` is the one that a login is tested with. A role that reads all
    secrets below some folders, instead of one payload, has `folders`; `path` is then the payload,
    at `payload_mount`, that it must not read (both empty: there is none in this Vault).
    `ca_map` is an existing ConfigMap with the CA, in the namespace of the account, and `ca_key` its
    key. `task_namespaces` are those where accounts of these names log in, beside
    `account_namespace`.
    """

    server: str
    ca: str
    auth_mount: str
    role: str
    audience: str
    vault_namespace: str
    token_ttl: str
    ca_map: str = ""
    ca_key: str = ""
    accounts: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    payload_mount: str = ""
    task_namespaces: tuple[str, ...] = ()

    def location(self) -> dict[str, str]:
        """Return the location of the payload, with the server and its namespace first."""
        server = {"server": self.server, "namespace": self.vault_namespace}
        return server | StoreSettings.location(self)

    def question(self, name: str) -> str:
        """Return the dotted key of the question `name` (path, role, auth mount) for this reader."""
        if self.reader == RUNTIME:
            own = {"path": "connections_path", "role": "role"}
            return f"secrets.backend.{own[name]}" if name in own else f"secrets.vault.{name}"
        return f"delivery.{self.reader}.vault.{name}" if self.reader else f"secrets.vault.{name}"

    @property
    def policy(self) -> str:
        """Return the name of the role's policy, as Vault stores it: in lower case."""
        return f"{self.role.replace('/', '-')}-read".lower()

    @property
    def data_path(self) -> str:
        """Return the payload's path in policies, which for KV version 2 is below `data/`."""
        return f"{self.payload_mount or self.mount}/data/{self.path}"

    @property
    def has_payload(self) -> bool:
        """Return whether the role reads a payload of the installation, and no folders."""
        return not self.folders

    @property
    def is_in_hub(self) -> bool:
        """Return whether the account is in Argo CD's cluster, which may be another one."""
        return self.reader not in {"", RUNTIME}

    @property
    def granted_paths(self) -> tuple[str, ...]:
        """Return the paths of the policy, which the role can read."""
        below = tuple(f"{self.mount}/data/{folder}/*" for folder in self.folders)
        return below or (self.data_path,)

    @property
    def bound_accounts(self) -> tuple[str, ...]:
        """Return the ServiceAccounts that log in with the role."""
        return self.accounts or (self.service_account,)

    @property
    def endpoint(self) -> tuple[str, int]:
        """Return the host and the port of the server."""
        parts = urlsplit(self.server)
        return parts.hostname or "", parts.port or _HTTPS_PORT


def vault_answers(secrets: SecretsAnswers) -> VaultStore:
    """Return the answers to the questions about Vault."""
    return secrets.answers_of(NAME, VaultStore)


def require_ca_file(secrets: SecretsAnswers, reader: str) -> None:
    """Raise AnswersError if a reader in another namespace needs the CA that only a ConfigMap has.

    `reader` says what reads it.
    """
    ca = vault_answers(secrets).ca
    if ca.config_map and not ca.file:
        message = (
            f"name the CA file, too: {reader} cannot read ConfigMap {ca.config_map}, which is in "
            "another namespace"
        )
        raise AnswersError("Vault's CA is missing", [Problem("secrets.vault.ca.file", message)])


def payload_path(path: str, installation: str) -> str:
    """Return the path of the payload: the answer, or the installation's default."""
    return path or f"airflow-install/{installation}/config"


def reader_path(path: str, installation: str, reader: str) -> str:
    """Return the path of another reader: the answer, or the installation's default."""
    return path or f"airflow-install/{installation}/{reader}"


def runtime_role(answer: str, store_role: str, installation: str) -> str:
    """Return the role: the answer, or the default; `store_role` is empty for another store."""
    return answer or (
        f"{store_role}-{RUNTIME}" if store_role else f"airflow-{installation}-runtime"
    )


def runtime_folders(connections: str, variables: str, installation: str) -> tuple[str, str]:
    """Return the folders of connections and of variables: the answers, or the defaults."""
    base = f"airflow/{installation}"
    return connections or f"{base}/connections", variables or f"{base}/variables"


def vault_settings(secrets: SecretsAnswers, release: Release) -> VaultSettings:
    """Return the settings of the installation's own store."""
    vault = vault_answers(secrets)
    own = secrets.scope == "namespace"
    return VaultSettings(
        name=f"vault-{release.installation}",
        kind="SecretStore" if own else "ClusterSecretStore",
        server=vault.server,
        ca=release.assets.get("secrets.vault.ca.file", "") if vault.ca.file else "",
        mount=vault.mount,
        path=payload_path(vault.path, release.installation),
        auth_mount=vault.auth_mount,
        role=vault.role,
        audience="" if vault.audience == NO_AUDIENCE else vault.audience,
        vault_namespace=vault.namespace,
        token_ttl=vault.token_ttl,
        ca_map=vault.ca.config_map,
        ca_key=vault.ca.key,
        service_account=(
            release.names.object_name("external-secrets") if own else vault.service_account
        ),
        account_namespace=release.namespace if own else vault.operator_namespace,
        document=secrets.payload == "document",
        refresh_interval=secrets.refresh_interval,
    )


def vault_place(secrets: SecretsAnswers, installation: str) -> tuple[str, str]:
    """Return mount and path of an installation's payload, and the server, for messages."""
    vault = vault_answers(secrets)
    server = vault.server.removeprefix("https://")
    place = f"{vault.mount}/{payload_path(vault.path, installation)}"
    return (
        place,
        f"Vault{f' at {server}' if server else ' (a later question asks for its address)'}",
    )


def vault_reader_settings(
    secrets: SecretsAnswers, release: Release, reader: Reader
) -> VaultSettings:
    """Return the settings of another reader: the same Vault, with its own path and role."""
    store = vault_settings(secrets, release)
    own = reader.answers if isinstance(reader.answers, CredentialPath) else CredentialPath()
    return replace(
        store,
        name=reader.name,
        kind="SecretStore",
        path=reader_path(own.path, release.installation, reader.id),
        auth_mount=own.auth_mount or store.auth_mount,
        role=own.role or f"{store.role}-{reader.id}",
        service_account=reader.name,
        account_namespace=reader.namespace,
        # The ConfigMap is in the store's namespace.
        ca_map="",
        document=False,
        reader=reader.id,
    )
