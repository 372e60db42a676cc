"""The commands that do the same as `apply` with Helm, for the runbook and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.ownership import apply_command

if TYPE_CHECKING:
    from wizard.manifests.release import Release

# Labels the release as ours, like every object; Helm keeps labels across revisions.
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by=airflow-wizard"


def manifests_command(release: Release) -> str:
    """Return the command that applies the manifests, with the field manager of `apply`.

    With the same field manager, the command and `apply` do not conflict.
    """
    return apply_command(release.owner_id, f"-k {release.paths.apps}")


def chart_command(release: Release) -> tuple[str, ...]:
    """Return the lines that install the chart, without `--wait`, so that they end quickly.

    `--atomic` would remove a failed first installation, together with the reason for the failure.
    """
    return (
        *release.chart_repository.setup,
        f"helm upgrade --install {release.names.release} {release.chart_repository.chart} \\",
        f"  --version {release.chart} --namespace {release.namespace} \\",
        f"  --labels {MANAGED_BY_LABEL} --values {release.paths.values}",
    )
