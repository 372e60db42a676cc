"""Delivery by Helm: the commands that do by hand what `apply` does, for runbook and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.chart.versions import CHART_REPOSITORY

if TYPE_CHECKING:
    from wizard.manifests.release import Release

# Says on a release, as on every object, whose it is; Helm carries it from revision to revision.
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by=airflow-wizard"
CHART_NAME = "airflow"


def manifests_command(release: Release) -> str:
    """Everything beside the chart, with the field manager of `apply`: neither takes from the other.

    What needs a Secret's value is not among it.
    """
    return f"kubectl apply --server-side --field-manager=airflow-wizard -k {release.paths.apps}"


def chart_command(release: Release) -> tuple[str, ...]:
    """The chart, in lines; without `--wait`, so that an interruption leaves nothing half.

    `--atomic` would take a first installation away again, with the reason why it failed.
    """
    return (
        # With `--repo`, a folder that is named like the chart would be taken for it.
        f"helm repo add apache-airflow {CHART_REPOSITORY}",
        f"helm upgrade --install {release.names.release} apache-airflow/{CHART_NAME} \\",
        f"  --version {release.chart} --namespace {release.namespace} \\",
        f"  --labels {MANAGED_BY_LABEL} --values {release.paths.values}",
    )


def wait_commands(release: Release) -> tuple[str, ...]:
    """What must have come before the chart: every Secret that it reads."""
    namespace = release.namespace
    kind = "clustersecretstore" if release.cluster_store else "secretstore"
    return (
        f"kubectl -n {namespace} wait {kind}/vault-{release.installation} --for=condition=Ready",
        f"kubectl -n {namespace} wait externalsecret --all --for=condition=Ready --timeout=5m",
    )
