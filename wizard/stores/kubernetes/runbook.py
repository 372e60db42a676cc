"""The runbook's part of the store kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.runbook import StoreRunbook, shell_block
from wizard.manifests.secret_contents import render_contents_table
from wizard.stores.kubernetes.settings import values_secret

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release


def render_values_note(release: Release, total: Contribution) -> str:
    """Return the section on the Secrets in the cluster, and on who can read them."""
    return "\n\n".join(
        [
            "## Secrets in the cluster",
            "`airflow-wizard secrets` creates these Secrets once, directly in namespace "
            f"`{release.namespace}`.\nGit has none of them, so no delivery changes or prunes "
            f"them. Secret `{values_secret(release)}` holds\nthe values, and the others are "
            "composed from it. Back it up: it is the only copy.\nBelow, `{{ }}` stands for a "
            "secret value.",
            render_contents_table(
                (secret.name, key, content, secret.purpose)
                for secret in total.secrets
                for key, content in secret.keys.items()
            ),
            "Whoever may read Secrets in the namespace can read all of them. Encrypt Secrets at "
            "rest in the cluster\n(`EncryptionConfiguration`), or etcd holds them as plain text.",
        ]
    )


def kubernetes_runbook(release: Release, total: Contribution) -> StoreRunbook:
    """Return the commands and texts on creating, checking and rotating the Secrets."""
    del total
    name, namespace = f"--installation {release.installation}", release.namespace
    secrets = f"airflow-wizard secrets {name}"
    values = values_secret(release)
    rotate = (
        "Change the value in the Secret with the values, in base64, and compose the others "
        "again:\n\n" + shell_block(f"kubectl -n {namespace} edit secret {values}", secrets)
    )
    return StoreRunbook(
        create=f"{secrets} --yes",
        first=f"It needs namespace `{namespace}`: create it first, or let its owner do it.",
        validate=(f"kubectl -n {namespace} get secret {values}",),
        rotate=rotate,
        problems=(("pod has CreateContainerConfigError", f"Secrets: run `{secrets}`"),),
        keeps_payload=True,
    )
