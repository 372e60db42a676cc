"""The runbook's part of the delivery helmsman."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.helm.commands import manifests_command
from wizard.deliveries.helmsman.manifests import state_path
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


def helmsman_runbook(
    delivery: DeliveryAnswers, release: Release, context: RunbookContext
) -> DeliveryRunbook:
    """Return the texts on installing, changing and removing the release with Helmsman."""
    del delivery
    state, namespace, name = state_path(release), release.namespace, release.names.release
    apply = f"airflow-wizard apply --installation {release.installation}"
    manifests = (manifests_command(release), *wait_commands(release, context.store))
    helmsman = f"helmsman --apply -f {state}"
    by_hand = shell_block(
        *manifests,
        f"{remove_jobs_command(release)}   # before an upgrade",
        f"helmsman --dry-run -f {state}   # without the diff plugin of Helm: --kubectl-diff",
        helmsman,
    )
    return DeliveryRunbook(
        install=(
            f"{render_first_run(release, context)}\n\n"
            "`apply` needs helm only, and marks the release as Helmsman's, so both can be used in "
            "turn.\nOr with Helmsman, in this order. It installs the chart only, so the manifests "
            f"come first:\n\n{by_hand}{_describe_image(release)}"
        ),
        tear_down=render_tear_down(release, context, [f"helmsman --destroy -f {state}"]),
        validate=(f"helm -n {namespace} history {name}",),
        preview=(f"helmsman --dry-run -f {state}",),
        after_change=("git push", f"{apply}   # or: {helmsman}"),
        roll_back=("git revert <commit> && git push", f"{apply}   # or: {helmsman}"),
    )


def _describe_image(release: Release) -> str:
    """Return who changes the tag of the image; empty for the official image."""
    if not release.image_values:
        return ""
    return (
        f"\n\n`{release.image_values}` belongs to the image pipeline, which changes only the tag. "
        "The\nwizard wrote it once, reads and checks it, and never changes it. A new tag needs "
        "only the last\ncommand."
    )
