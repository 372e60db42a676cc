"""The runbook's section on tearing down an installation, with the wizard or by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wizard.manifests.runbook import shell_block

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.manifests.runbook import RunbookContext


def render_tear_down(release: Release, context: RunbookContext, remove_chart: Iterable[str]) -> str:
    """Return the section; `remove_chart` are the first of the commands to run by hand.

    The types of all names exclude characters that need shell quoting.
    """
    parts = [
        "## Tear down",
        "Back up the database first.",
        *_render_destroy(release, context),
        _describe_by_hand(release, context),
        shell_block(*remove_chart, *_delete_commands(release, context)),
    ]
    return "\n\n".join(parts)


def _describe_by_hand(release: Release, context: RunbookContext) -> str:
    if context.store.made_by_others:
        return (
            "By hand. Delete the namespace only once nobody needs the Secrets of others and the "
            "volumes in it."
        )
    if not release.external_secrets:
        return "By hand. Deleting the namespace deletes its Secrets and its volumes."
    return (
        "By hand, delete the ExternalSecrets before the operator: their finalizer would block "
        "the namespace.\nDeleting them also deletes the Secrets. Deleting the namespace deletes "
        "its volumes."
    )


def _render_destroy(release: Release, context: RunbookContext) -> list[str]:
    name = f"--installation {release.installation}"
    running = " and keep Airflow running" if release.gitops else ""
    payload = "`--data payload` (the values in the store),\n" if context.store.keeps_payload else ""
    return [
        "Remove the whole installation, in a safe order, the files in Git last:",
        shell_block(
            f"airflow-wizard destroy {name} --dry-run   # tries every step, changes nothing",
            f"airflow-wizard destroy {name} --push      # asks you to confirm the name",
        ),
        f"Data is not deleted unless you name it: {payload}"
        "`--data volumes`, `--data namespace`. `--data database` shows the SQL for the owner of\n"
        f"the database. To remove only what `apply` created{running}:",
        shell_block(f"airflow-wizard apply {name} --undo"),
    ]


def _delete_commands(release: Release, context: RunbookContext) -> list[str]:
    name, namespace = release.installation, release.namespace
    return [
        *(
            [f"kubectl -n {namespace} delete externalsecret --all"]
            if release.external_secrets
            else []
        ),
        *([f"kubectl delete clustersecretstore vault-{name}"] if release.cluster_store else []),
        *([] if context.store.made_by_others else [f"kubectl delete namespace {namespace}"]),
        *(
            f"kubectl -n {reader.namespace} delete externalsecret/{reader.name} "
            f"secretstore/{reader.name} serviceaccount/{reader.name}"
            for reader in context.total.readers
        ),
    ]
