"""How an installation is torn down, as its runbook says it: by the wizard, or by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wizard.manifests.runbook import shell_block

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.manifests.runbook import RunbookContext


def render_tear_down(release: Release, context: RunbookContext, remove_chart: Iterable[str]) -> str:
    """Return the runbook's section; `remove_chart` are the commands that begin it by hand.

    Every name in it passed a type that needs no shell quoting.
    """
    parts = [
        "## Tear down",
        "Back the database up first.",
        *_render_destroy(release, context),
        "By hand, ExternalSecrets go before the operator: their finalizer would hold the "
        "namespace.\nDeleting them deletes the Secrets; deleting the namespace, its volumes.",
        shell_block(*remove_chart, *_delete_commands(release, context)),
    ]
    return "\n\n".join(parts)


def _render_destroy(release: Release, context: RunbookContext) -> list[str]:
    name = f"--installation {release.installation}"
    left = ", and leave Airflow running as it is" if release.gitops else ""
    payload = "`--data payload` (the values in the store),\n" if context.store.keeps_payload else ""
    return [
        "All of it, in an order in which nothing hangs, the files in Git last:",
        shell_block(
            f"airflow-wizard destroy {name} --dry-run   # every step is tried, nothing is kept",
            f"airflow-wizard destroy {name} --push      # asks for the name",
        ),
        f"What holds data stays unless it is named: {payload}"
        "`--data volumes`, `--data namespace`; for the database `--data database` shows the SQL\n"
        f"that its owner runs. To take back only what `apply` made{left}:",
        shell_block(f"airflow-wizard apply {name} --undo"),
    ]


def _delete_commands(release: Release, context: RunbookContext) -> list[str]:
    name, namespace = release.installation, release.namespace
    return [
        f"kubectl -n {namespace} delete externalsecret --all",
        *([f"kubectl delete clustersecretstore vault-{name}"] if release.cluster_store else []),
        f"kubectl delete namespace {namespace}",
        *(
            f"kubectl -n {reader.namespace} delete externalsecret/{reader.name} "
            f"secretstore/{reader.name} serviceaccount/{reader.name}"
            for reader in context.total.readers
        ),
    ]
