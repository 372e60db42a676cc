"""The runbook's part of the store azure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.runbook import StoreRunbook, shell_block, wait_for_store

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release

# What a Key Vault cannot promise; said wherever `secrets` is described.
WEAKER_PROMISE = (
    "A Key Vault has no check-and-set: if two people create values at the same time, the later "
    "value wins. `airflow-wizard secrets` writes only names that the Key Vault does not have, "
    "reads every value back and reports one that somebody else wrote, too. Agree on who runs it."
)


def azure_runbook(release: Release, total: Contribution) -> StoreRunbook:
    """Return the commands and texts on validation, rotation and problems with the Key Vault."""
    namespace = release.namespace
    refresh = shell_block(
        f"kubectl -n {namespace} annotate externalsecret --all --overwrite \\",
        '  force-sync="$(date +%s)"',
        *(
            f"kubectl -n {reader.namespace} annotate externalsecret {reader.name} "
            '--overwrite force-sync="$(date +%s)"'
            for reader in total.readers
        ),
    )
    rotate = (
        "Write the new value as a new version of its secret in the Key Vault, from a file "
        "(`az keyvault secret set --file`, never `--value`), then refresh the ExternalSecrets:"
        f"\n\n{refresh}\n\n{WEAKER_PROMISE} A deleted secret keeps its name until it is "
        "recovered or purged: recover it (`az keyvault secret recover`)."
    )
    return StoreRunbook(
        wait=wait_for_store(namespace, f"secretstore/azure-{release.installation}"),
        validate=(
            f"kubectl -n {namespace} get secretstore azure-{release.installation}",
            f"kubectl -n {namespace} get externalsecret",
        ),
        rotate=rotate,
        problems=(
            (
                "SecretStore not ready, AADSTS70021 or AADSTS700213",
                "federated credential: issuer of the cluster, namespace and ServiceAccount",
            ),
            (
                "ExternalSecret not ready, Forbidden",
                "role Key Vault Secrets User of the identity, and the Key Vault's network",
            ),
            ("ExternalSecret not ready, SecretNotFound", "`airflow-wizard secrets` creates it"),
        ),
        reserved_account=release.names.object_name("external-secrets"),
        keeps_payload=True,
    )
