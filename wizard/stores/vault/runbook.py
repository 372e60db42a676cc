"""The runbook's part of the store vault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.runbook import StoreRunbook, shell_block, wait_for_store

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release


def vault_runbook(release: Release, total: Contribution) -> StoreRunbook:
    """Return the commands and texts on validation, rotation and problems with Vault."""
    namespace = release.namespace
    kind = "clustersecretstore" if release.cluster_store else "secretstore"
    change = "Change the value in Vault"
    if release.document:
        change = "Read the document from Vault, change the value in it, and write all of it back"
    rotate = (
        f"{change} with check-and-set (`vault kv patch -cas=<version>`), then "
        "refresh the ExternalSecrets:\n\n"
        + shell_block(
            f"kubectl -n {namespace} annotate externalsecret --all --overwrite \\",
            '  force-sync="$(date +%s)"',
            *(
                f"kubectl -n {reader.namespace} annotate externalsecret {reader.name} "
                '--overwrite force-sync="$(date +%s)"'
                for reader in total.readers
            ),
        )
    )
    name = f"--installation {release.installation}"
    return StoreRunbook(
        wait=wait_for_store(namespace, f"{kind}/vault-{release.installation}"),
        open=(
            f"airflow-wizard secrets {name}",
            f"airflow-wizard handover {name} --owner vault --out out",
            "sh out/vault/setup.sh   # its first lines say what it needs",
        ),
        validate=(
            f"kubectl -n {namespace} get {kind} vault-{release.installation}",
            f"kubectl -n {namespace} get externalsecret",
        ),
        first=(
            "If the mount is missing in Vault, first run "
            f"`airflow-wizard apply --installation {release.installation} --only store`."
        ),
        rotate=rotate,
        problems=(
            ("ExternalSecret not ready, 403", "policy path (`data/` for KV v2), role, audience"),
            ("Secret missing, store valid", "keys of the payload; the table above lists them"),
        ),
        reserved_account=(
            "" if release.cluster_store else release.names.object_name("external-secrets")
        ),
        keeps_payload=True,
    )
