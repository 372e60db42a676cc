"""The runbook's part of the delivery helm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.helm.commands import chart_command, manifests_command
from wizard.manifests.runbook import (
    DeliveryRunbook,
    remove_jobs_command,
    render_first_run,
    shell_block,
    wait_commands,
)
from wizard.manifests.teardown import render_tear_down

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.release import Release
    from wizard.manifests.runbook import RunbookContext


def helm_runbook(
    delivery: DeliveryAnswers, release: Release, context: RunbookContext
) -> DeliveryRunbook:
    """Return the texts on installing, changing and removing the chart with Helm."""
    del delivery
    namespace, name = release.namespace, release.names.release
    apply = f"airflow-wizard apply --installation {release.installation}"
    by_hand = shell_block(
        manifests_command(release),
        *wait_commands(release, context.store),
        f"{remove_jobs_command(release)}   # before an upgrade",
        *chart_command(release),
    )
    return DeliveryRunbook(
        install=f"{render_first_run(release, context)}\n\nOr by hand, in this order:\n\n{by_hand}",
        tear_down=render_tear_down(release, context, [f"helm -n {namespace} uninstall {name}"]),
        validate=(f"helm -n {namespace} history {name}",),
        after_change=("git push", apply),
        roll_back=("git revert <commit> && git push", apply),
    )
