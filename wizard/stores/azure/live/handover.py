"""Azure's part of the handover: az commands for the Key Vault's owner and for the platform's.

`apply` changes nothing in Azure. Each script looks first, and creates only what is missing.
Source: Azure documentation, "Provide access to Key Vault with Azure RBAC", "Deploy and configure
workload identity on AKS", "Authenticate with ACR from AKS" and "Azure Blob storage CSI driver".
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from wizard.formats.azure import key_vault_name
from wizard.formats.shell import comment, quote, script
from wizard.manifests.blob_volume import DRIVER
from wizard.questions.cases import BLOB_LOGS
from wizard.stores.azure.runbook import WEAKER_PROMISE
from wizard.stores.live import StoreHandover
from wizard.systems.azure.session import list_settings

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering
    from wizard.stores.azure.settings import AzureSettings
    from wizard.stores.live import HandoverSources

_HTTPS_PORT = "443"
_ACR = ".azurecr.io"
_DIE = """\
die() {
  echo "$1" >&2
  exit 1
}"""
_ACCESS = """\
show() {
  az keyvault show --name "$vault" --query "$1" -o tsv
}
rbac=$(show properties.enableRbacAuthorization)
[ "$rbac" = true ] ||
  die "Key Vault $vault uses access policies; turn on Azure RBAC for it, or give the identity get"
protected=$(show properties.enablePurgeProtection)
[ "$protected" = true ] ||
  echo "warning: Key Vault $vault has no purge protection: a purge would be the end of the keys" >&2
scope=$(show id)
# grant PRINCIPAL KIND ROLE: an existing assignment is left as it is.
grant() {
  found=$(az role assignment list --assignee "$1" --scope "$scope" --include-inherited \\
    --query "[?roleDefinitionName=='$3'] | length(@)" -o tsv)
  [ "$found" = 0 ] || { echo "$1 has the role $3"; return 0; }
  az role assignment create --assignee-object-id "$1" --assignee-principal-type "$2" --role "$3" \\
    --scope "$scope" -o none
  echo "gave $1 the role $3"
}"""
_NETWORK = """\
# The cluster's nodes must reach the Key Vault: by a private endpoint, or a rule for their subnet.
az keyvault network-rule list --name "$vault" -o jsonc
# az keyvault network-rule add --name "$vault" --subnet SUBNET_ID"""
_FILLER = """\
# Whoever runs `airflow-wizard secrets` may write: give their object ID in FILLER.
if [ -n "${FILLER:-}" ]; then
  grant "$FILLER" "${FILLER_KIND:-User}" 'Key Vault Secrets Officer'
fi"""
_CLUSTER = """\
: "${AKS_NAME:?is the name of the cluster}" "${AKS_RESOURCE_GROUP:?is its resource group}"
aks() {
  az aks show --name "$AKS_NAME" --resource-group "$AKS_RESOURCE_GROUP" --query "$1" -o tsv
}
issuer=$(aks oidcIssuerProfile.issuerUrl)
[ -n "$issuer" ] ||
  die "the cluster issues no tokens for Azure; run: az aks update --name $AKS_NAME \\
--resource-group $AKS_RESOURCE_GROUP --enable-oidc-issuer --enable-workload-identity\""""
_FEDERATE = """\
# federate CLIENT_ID SUBJECT NAME: lets tokens of one ServiceAccount log in as one identity.
federate() {
  about=$(az identity list --query "[?clientId=='$1'] | [0].join(' ', [name, resourceGroup])" \\
    -o tsv)
  [ -n "$about" ] || die "this subscription has no managed identity with the client ID $1"
  identity=${about% *} group=${about#* }
  found=$(az identity federated-credential list --identity-name "$identity" \\
    --resource-group "$group" --query "[?subject=='$2' && issuer=='$issuer'] | length(@)" -o tsv)
  [ "$found" = 0 ] || { echo "$identity already trusts $2"; return 0; }
  # To create a name that exists would replace what it trusts, such as another cluster.
  credential=$3${SUFFIX:+-$SUFFIX}
  taken=$(az identity federated-credential list --identity-name "$identity" \\
    --resource-group "$group" --query "[?name=='$credential'] | length(@)" -o tsv)
  [ "$taken" = 0 ] ||
    die "credential $credential of $identity trusts something else; set SUFFIX for another name"
  az identity federated-credential create --name "$credential" --identity-name "$identity" \\
    --resource-group "$group" --issuer "$issuer" --subject "$2" \\
    --audiences api://AzureADTokenExchange -o none
  echo "$identity trusts $2"
}"""
_BLOB = """\
# The driver of the log volume (DRIVER).
enabled=$(aks storageProfile.blobCsiDriver.enabled)
[ "$enabled" = true ] ||
  az aks update --name "$AKS_NAME" --resource-group "$AKS_RESOURCE_GROUP" --enable-blob-driver \\
    -o none"""
_LOGIN = """\
store_login() {
  [ -z "${AZURE_CLIENT_ID:-}" ] || return 0
  az account show -o none 2>/dev/null || {
    echo 'run az login, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and a secret or token file' >&2
    exit 64
  }
}"""


def render_handover(
    answers: Answers, rendering: Rendering, sources: HandoverSources
) -> StoreHandover:
    """Return the scripts and the flows; they contain no secret."""
    del sources
    every = list_settings(answers, rendering.release)
    own = every[0]
    return StoreHandover(
        files={"key-vault.sh": _render_access(every)},
        platform={"azure.sh": _render_platform(answers, every)},
        flows=(
            ("External Secrets", own.mount, _HTTPS_PORT, "TCP", "Azure Key Vault"),
            ("External Secrets", own.cloud.login, _HTTPS_PORT, "TCP", "login at Azure"),
        ),
        ci_variables=(
            "  AZURE_CLIENT_ID and AZURE_TENANT_ID   the identity of the job",
            "  AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH   "
            "its proof",
        ),
        ci_login=_LOGIN,
    )


def _head(store: AzureSettings, *lines: str) -> tuple[str, ...]:
    return (
        comment(*lines, "You can run it again: it creates only what is missing."),
        _DIE,
        f'[ "$(az account show --query tenantId -o tsv)" = {store.tenant_id} ] ||\n'
        f"  die 'log in to the tenant of the Key Vault: az login --tenant {store.tenant_id}'",
    )


def _render_access(every: tuple[AzureSettings, ...]) -> str:
    own = every[0]
    lines = [
        f"principal{number}=$(az ad sp show --id {one.client_id} --query id -o tsv)\n"
        f"grant \"$principal{number}\" ServicePrincipal 'Key Vault Secrets User'"
        for number, one in enumerate({one.client_id: one for one in every}.values(), 1)
    ]
    return script(
        *_head(
            own,
            "For the owner of the Key Vault: the store's identity may read secrets, and no more.",
            *wrap(WEAKER_PROMISE, 96),
        ),
        f"vault={quote(key_vault_name(own.vault_url))}",
        _ACCESS,
        *lines,
        _FILLER,
        _NETWORK,
    )


def _render_platform(answers: Answers, every: tuple[AzureSettings, ...]) -> str:
    name = answers.installation.name
    federated = [
        f"federate {one.client_id} {quote(one.subject)} "
        f"{quote(one.qualified_name(f'airflow-{name}'))}"
        for one in every
    ]
    registry = answers.installation.image.repository.partition("/")[0]
    attach = ""
    if registry.endswith(_ACR):
        attach = (
            "# AcrPull on the registry of the image, for the cluster's kubelets.\n"
            'az aks update --name "$AKS_NAME" --resource-group "$AKS_RESOURCE_GROUP" \\\n'
            f"  --attach-acr {quote(registry.removesuffix(_ACR))} -o none"
        )
    return script(
        *_head(
            every[0],
            f"For the platform of Airflow installation {name}: AKS and its identities.",
            "Set AKS_NAME and AKS_RESOURCE_GROUP. A reader in another cluster needs it, too.",
            "SUFFIX is added to the names of new credentials: give the cluster's name if several",
            "clusters share an identity.",
        ),
        _CLUSTER,
        _FEDERATE,
        "\n".join(federated),
        attach,
        _BLOB.replace("DRIVER", DRIVER) if BLOB_LOGS.holds(answers) else "",
    )
