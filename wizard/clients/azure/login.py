"""This machine's login to Azure: a service principal, a federated token, or the Azure CLI's.

Exactly one is chosen, by the environment, and named before it is used: unlike with
DefaultAzureCredential, no other identity is tried when one is refused. None opens a browser.

The token is only for the Key Vault and the tenant of the answers. A Key Vault names both in its
challenge, so a server that names others would get a token for something else.
Source: azure-identity 1.27 and azure-keyvault-secrets 4.12 (`ChallengeAuthPolicy`).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from wizard.clients.azure.errors import KeyVaultError, KeyVaultRefusedError
from wizard.errors import Fix, UsageError
from wizard.formats.terminal import escape_unprintable

if TYPE_CHECKING:
    from wizard.formats.azure import Cloud

LOGIN_HINT = (
    "run `az login`, or export AZURE_CLIENT_ID, AZURE_TENANT_ID and one of AZURE_CLIENT_SECRET, "
    "AZURE_CLIENT_CERTIFICATE_PATH and AZURE_FEDERATED_TOKEN_FILE"
)
TENANT_KEY = "secrets.azure.tenant_id"
_CLI_SECONDS = 20

Kind = Literal["secret", "certificate", "federation", "cli"]
_SOURCES: dict[Kind, str] = {
    "secret": "AZURE_CLIENT_SECRET",
    "certificate": "AZURE_CLIENT_CERTIFICATE_PATH",
    "federation": "AZURE_FEDERATED_TOKEN_FILE",
}


@dataclass(frozen=True, slots=True)
class AzureLogin:
    """One login; the secret stays where it is until a token is needed."""

    kind: Kind
    client_id: str = ""

    @property
    def identity(self) -> str:
        """Return a description of the login without the secret."""
        if self.kind == "cli":
            return "the login of the Azure CLI"
        return f"application {escape_unprintable(self.client_id)} from {_SOURCES[self.kind]}"


def find_login() -> AzureLogin | None:
    """Return the login of this machine; None if there is none. Sends nothing."""
    client = os.environ.get("AZURE_CLIENT_ID", "")
    for kind, variable in _SOURCES.items():
        if client and os.environ.get(variable):
            return AzureLogin(kind, client)
    return AzureLogin("cli") if shutil.which("az") else None


def require_sdk() -> None:
    """Raise UsageError if the libraries of the extra `azure` are not installed."""
    try:
        import_module("azure.identity")
        import_module("azure.keyvault.secrets")
    except ImportError:
        raise UsageError(
            "the store azure needs azure-identity and azure-keyvault-secrets, which are not "
            "installed; nothing was sent",
            "run: pip install 'airflow-wizard[azure]'",
        ) from None


def make_credential(login: AzureLogin, tenant_id: str, cloud: Cloud) -> TenantCredential:
    """Return the credential for one tenant and the Key Vaults of one cloud; sends nothing.

    Raises UsageError if AZURE_TENANT_ID names another tenant, or without the libraries.
    """
    require_sdk()
    named = os.environ.get("AZURE_TENANT_ID", "")
    if login.kind != "cli" and named and named.lower() != tenant_id:
        raise UsageError(
            f"AZURE_TENANT_ID names another tenant than {TENANT_KEY}",
            Fix(f"export AZURE_TENANT_ID={tenant_id}, or correct {TENANT_KEY}", TENANT_KEY),
        )
    identity = import_module("azure.identity")
    common: dict[str, Any] = {
        "tenant_id": tenant_id,
        "client_id": login.client_id,
        "authority": cloud.login,
    }
    if login.kind == "cli":
        inner = identity.AzureCliCredential(tenant_id=tenant_id, process_timeout=_CLI_SECONDS)
    elif login.kind == "secret":
        inner = identity.ClientSecretCredential(
            client_secret=os.environ["AZURE_CLIENT_SECRET"], **common
        )
    elif login.kind == "certificate":
        inner = identity.CertificateCredential(
            certificate_path=os.environ["AZURE_CLIENT_CERTIFICATE_PATH"],
            password=os.environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD"),
            **common,
        )
    else:
        inner = identity.WorkloadIdentityCredential(
            token_file_path=os.environ["AZURE_FEDERATED_TOKEN_FILE"], **common
        )
    return TenantCredential(inner, tenant_id, cloud)


class TenantCredential:
    """A credential that gives tokens only for one tenant and the Key Vaults of one cloud.

    The SDK calls it with what the server's challenge names, after it has compared the challenge's
    resource with the host.
    """

    def __init__(self, inner: Any, tenant_id: str, cloud: Cloud) -> None:
        self._inner = inner
        self._tenant_id = tenant_id
        self._scope = f"https://{cloud.suffix.removeprefix('.')}/.default"

    def get_token(self, *scopes: str, **options: Any) -> Any:
        """Return a token. Raises KeyVaultRefusedError for another tenant or resource."""
        tenant = str(options.pop("tenant_id", None) or self._tenant_id)
        if tenant.lower() != self._tenant_id:
            raise KeyVaultRefusedError(
                "foreign",
                f"the Key Vault belongs to another tenant ({escape_unprintable(tenant)[:80]}) than "
                f"{TENANT_KEY}; no token was sent",
                Fix(f"correct {TENANT_KEY} or secrets.azure.vault_url", TENANT_KEY),
            )
        if scopes != (self._scope,):
            raise KeyVaultRefusedError(
                "foreign",
                "the server asks for a token for something else than a Key Vault; none was sent",
                "check the address, and what answers there",
            )
        if options.get("claims"):
            # Conditional access wants a new login of the person, which the wizard cannot do.
            raise KeyVaultError(
                "login", "Azure asks for another login (conditional access)", LOGIN_HINT
            )
        return self._inner.get_token(*scopes, tenant_id=self._tenant_id)

    def close(self) -> None:
        """Close the connections of the login."""
        self._inner.close()
