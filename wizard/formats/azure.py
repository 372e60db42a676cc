"""Names in Azure: Key Vaults, their secrets, and the clouds that they are in.

Source: Azure documentation, "Naming rules and restrictions for Azure resources" (Key Vault,
Storage, Resources) and "About keys, secrets and certificates"; External Secrets 2.9,
`environmentType` of provider azurekv; azure-identity 1.27, `AzureAuthorityHosts`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from wizard.formats.types import Text, matching

_VAULT_NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]")
_GUID = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
# The longest name of a secret in a Key Vault.
MAX_SECRET_NAME = 127


@dataclass(frozen=True, slots=True)
class Cloud:
    """One Azure cloud: External Secrets' name of it, and the hosts of Key Vaults and of logins."""

    name: str
    suffix: str
    login: str


CLOUDS = (
    Cloud("PublicCloud", ".vault.azure.net", "login.microsoftonline.com"),
    Cloud("USGovernmentCloud", ".vault.usgovcloudapi.net", "login.microsoftonline.us"),
    Cloud("ChinaCloud", ".vault.azure.cn", "login.chinacloudapi.cn"),
)


def _key_vault_url(value: str) -> str:
    if not value:
        return value
    host = value.rstrip("/").removeprefix("https://").lower()
    cloud = next((one for one in CLOUDS if host.endswith(one.suffix)), None)
    if not value.startswith("https://") or cloud is None or "/" in host:
        raise ValueError(
            "give the address of a Key Vault, without port and path, such as "
            "https://airflow.vault.azure.net"
        )
    if not _VAULT_NAME.fullmatch(host.removesuffix(cloud.suffix)):
        raise ValueError(
            "the name of a Key Vault has 3 to 24 letters, digits and hyphens; it begins with a "
            "letter, ends with a letter or digit, and has no two hyphens side by side"
        )
    return f"https://{host}"


def _guid(value: str) -> str:
    if value and not re.fullmatch(_GUID, value):
        raise ValueError("give an ID such as 11111111-2222-3333-4444-555555555555")
    return value.lower()


def find_cloud(vault_url: str) -> Cloud:
    """Return the cloud of a Key Vault's address; the public one for an empty address."""
    host = vault_url.removeprefix("https://")
    return next((one for one in CLOUDS if host.endswith(one.suffix)), CLOUDS[0])


def key_vault_name(vault_url: str) -> str:
    """Return the name of a Key Vault from its address."""
    return vault_url.removeprefix("https://").partition(".")[0]


def format_secret_name(prefix: str, key: str) -> str:
    """Return the name of a secret in a Key Vault for a key of the payload.

    A Key Vault takes letters, digits and hyphens, and ignores case: `gitSshKey` gives
    `<prefix>-git-ssh-key`.
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", "-", key)
    return f"{prefix}-{spaced}".lower()


KeyVaultUrl = Annotated[Text, AfterValidator(_key_vault_url)]
Guid = Annotated[Text, AfterValidator(_guid)]
StorageAccount = Annotated[
    Text,
    AfterValidator(
        matching(
            "[a-z0-9]{3,24}",
            "give the name of a storage account: 3 to 24 lower-case letters and digits",
        )
    ),
]
BlobContainer = Annotated[
    Text,
    AfterValidator(
        matching(
            "[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]",
            "give the name of a container: 3 to 63 lower-case letters, digits and single hyphens",
        )
    ),
]
ResourceGroup = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]",
            "give the name of a resource group: at most 90 letters, digits and _ ( ) . -, "
            "without a final dot",
        )
    ),
]
