"""The runbook's part of the delivery kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.kind.scripts import down_path, up_path
from wizard.manifests.runbook import DeliveryRunbook, remove_jobs_command, shell_block

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.release import Release
    from wizard.manifests.runbook import RunbookContext, StoreRunbook


def kind_runbook(
    delivery: DeliveryAnswers, release: Release, context: RunbookContext
) -> DeliveryRunbook:
    """Return the commands that install, roll back and remove everything in a local cluster."""
    del delivery
    programs = ", Helm and airflow-wizard" if context.store.create else " and Helm"
    namespace, name = release.namespace, release.names.release
    up = f"bash {up_path(release)}"
    install = (
        "## Install on a laptop\n\n"
        f"One command creates the cluster, {_list_parts(release, context)} and Airflow. It does "
        f"only what is missing, so you can run it again:\n\n{shell_block(up)}\n\n"
        f"{_describe_store(context.store, up)}"
        f"It needs Docker, kind, kubectl{programs}. The cluster is `{release.installation}`"
        f" with the context `kind-{release.installation}`; the script changes no other cluster."
    )
    tear_down = (
        "## Tear down\n\nOne command deletes the cluster and all data in it:\n\n"
        f"{shell_block(f'bash {down_path(release)}')}"
    )
    return DeliveryRunbook(
        install=install,
        tear_down=tear_down,
        handed_over=False,
        after_change=(up,),
        roll_back=(
            remove_jobs_command(release),
            f"helm -n {namespace} rollback {name} --wait",
        ),
    )


def _describe_store(store: StoreRunbook, again: str) -> str:
    """Return who makes the Secrets once the cluster exists; empty if the script does."""
    if store.made_by_others:
        return "It stops before the chart until others have made the Secrets below.\n\n"
    if not store.open:
        return ""
    return (
        "A new cluster is unknown to the store, so the first run stops before the chart. Then fill "
        "the store, let\nits owner set it up for this cluster, and run the command again:\n\n"
        f"{shell_block(*store.open, again)}\n\n"
    )


def _list_parts(release: Release, context: RunbookContext) -> str:
    parts = [
        *(["the programs above"] if release.prerequisites else []),
        "the Secrets" if context.store.create else "the manifests",
    ]
    return ", ".join(parts)
