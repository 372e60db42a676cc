"""The runbook's part of the delivery kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.kind.scripts import down_path, up_path
from wizard.manifests.runbook import DeliveryRunbook, remove_jobs_command, shell_block

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.release import Release
    from wizard.manifests.runbook import RunbookContext


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
        "One command creates the cluster, the Secrets and Airflow. It does only what is missing, "
        "so you can run it again:\n\n"
        f"{shell_block(up)}\n\n"
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
