"""What the operator's messages about an Azure Key Vault mean.

Source: External Secrets 2.9, provider azurekv; Microsoft Entra authentication error codes; Azure
documentation, "Azure Key Vault REST API error codes".
"""

from __future__ import annotations

from wizard.errors import Fix
from wizard.systems.cluster.diagnosis import Rule

_PLATFORM = "run the script of `airflow-wizard handover --owner platform` (azure.sh)"
_OWNER = "run the script of `airflow-wizard handover --owner vault` (key-vault.sh)"

KEY_VAULT_RULES = (
    Rule(
        r"AADSTS7002(1|11|12|13|138)\b|federated identity record",
        "the store's identity does not trust the ServiceAccount's token",
        Fix(f"its federated credential names another issuer, namespace or account: {_PLATFORM}"),
    ),
    Rule(
        r"AADSTS700016\b|AADSTS90002\b",
        "the tenant has no identity with the store's client ID",
        Fix(
            "correct secrets.azure.client_id and secrets.azure.tenant_id",
            "secrets.azure.client_id",
        ),
    ),
    Rule(
        r"ForbiddenByFirewall|ForbiddenByConnection|client address is not authorized",
        "the network rules of the Key Vault refuse the cluster",
        Fix(f"allow its subnet, or use a private endpoint; the rules are listed when you {_OWNER}"),
    ),
    Rule(
        r"ForbiddenByRbac|ForbiddenByPolicy|Code=\"?Forbidden|does not have secrets get permission",
        "the store's identity may not read the Key Vault",
        Fix(f"it needs the role Key Vault Secrets User: {_OWNER}"),
    ),
    Rule(
        r"SecretNotFound|SecretDisabled",
        "the Key Vault has no such secret, or it is disabled",
        Fix("create what is missing: airflow-wizard secrets; check secrets.azure.prefix",
            "secrets.azure.prefix"),
    ),
    Rule(
        r"\.vault\.(azure\.net|usgovcloudapi\.net|azure\.cn)\S*: .*(no such host|i/o timeout"
        r"|connection refused)",
        "the operator cannot reach the Key Vault",
        Fix("check secrets.azure.vault_url, the cluster's DNS and its network policies",
            "secrets.azure.vault_url"),
    ),
    Rule(
        r"annotation.{0,60}azure\.workload\.identity|missing clientI[Dd]",
        "the store's ServiceAccount names no identity",
        Fix("restore the annotations in secrets/service-account.yaml"),
    ),
)  # fmt: skip
