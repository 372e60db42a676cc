"""The runbook's part of the store aws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.runbook import StoreRunbook, shell_block, wait_for_store

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release
    from wizard.stores.aws.settings import AwsSettings


def render_place_note(store: AwsSettings) -> str:
    """Return the section on where the values are, and on what encrypts them."""
    key = f"KMS key `{store.kms_key}`" if store.kms_key else "the account's `aws/secretsmanager`"
    lines = [
        "## Values in AWS Secrets Manager",
        f"Each value is a secret of its own, `{store.path}/<key>` in account {store.account}, "
        f"region {store.region},\nencrypted with {key}.\nThe tag `airflow-wizard-source` names the "
        "repository that made it. This store is experimental:\nit was tested with a simulated AWS "
        "only.",
    ]
    if store.endpoint:
        lines.append(
            "External Secrets finds the VPC endpoint by a variable of its own deployment:\n"
            f"`AWS_SECRETSMANAGER_ENDPOINT={store.endpoint}`."
        )
    return "\n\n".join(lines)


def aws_runbook(release: Release, total: Contribution) -> StoreRunbook:
    """Return the commands and texts on validation, rotation and problems with AWS."""
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
        "Write the new value as a new version of its secret, from a file (`aws secretsmanager "
        "put-secret-value --secret-id NAME --secret-string file://PATH`, never the value itself), "
        f"then refresh the ExternalSecrets:\n\n{refresh}\n\n"
        "A deleted secret keeps its name for its recovery window: restore it (`aws secretsmanager "
        "restore-secret --secret-id NAME`). Never delete one with "
        "`--force-delete-without-recovery`."
    )
    return StoreRunbook(
        wait=wait_for_store(namespace, f"secretstore/aws-{release.installation}"),
        validate=(
            f"kubectl -n {namespace} get secretstore aws-{release.installation}",
            f"kubectl -n {namespace} get externalsecret",
        ),
        rotate=rotate,
        problems=(
            (
                "SecretStore not ready, AccessDenied or InvalidIdentityToken at "
                "AssumeRoleWithWebIdentity",
                "trust policy of the role: OIDC provider of the cluster, namespace and "
                "ServiceAccount",
            ),
            (
                "ExternalSecret not ready, AccessDeniedException",
                "policy of the role: GetSecretValue on these names, and Decrypt on the KMS key",
            ),
            (
                "ExternalSecret not ready, ResourceNotFoundException",
                "`airflow-wizard secrets` creates it; check the region",
            ),
        ),
        reserved_account=release.names.object_name("external-secrets"),
        keeps_payload=True,
    )
