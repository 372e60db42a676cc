"""The runbook's part of the delivery kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.objects import pod_security_labels
from wizard.manifests.ownership import apply_command
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
    namespace, name = release.namespace, release.names.release
    tear_down = "## Tear down\n\n" + shell_block(
        f"helm -n {namespace} uninstall {name}",
        f"kind delete cluster --name {release.installation}",
    )
    return DeliveryRunbook(
        install=_render_install(release, context),
        tear_down=tear_down,
        after_change=(*_manifest_commands(release, context), *_chart_commands(release)),
        roll_back=(
            remove_jobs_command(release),
            f"helm -n {namespace} rollback {name} --wait",
        ),
    )


def _render_install(release: Release, context: RunbookContext) -> str:
    namespace = release.namespace
    steps = [
        "## Install on a laptop",
        "Create the cluster and the namespace:",
        shell_block(
            f"kind create cluster --config {release.paths.apps}/kind-cluster.yaml",
            f"kubectl create namespace {namespace}",
            *_label_commands(release),
        ),
    ]
    if context.store.create:
        steps += [
            "Create the Secrets once. Their values never reach a file or a command line:",
            shell_block(context.store.create),
        ]
    manifests = _manifest_commands(release, context)
    if manifests:
        steps += ["Apply the manifests:", shell_block(*manifests)]
    steps += [
        "Install the chart:",
        shell_block(*release.chart_repository.setup, *_chart_commands(release)[1:]),
    ]
    return "\n\n".join(steps)


def _manifest_commands(release: Release, context: RunbookContext) -> list[str]:
    command = apply_command(release.owner_id, f"-k {release.paths.apps}")
    return [command] if context.total.manifests else []


def _chart_commands(release: Release) -> list[str]:
    """Return the commands that upgrade the chart; the first removes the finished Jobs."""
    return [
        remove_jobs_command(release),
        f"helm upgrade --install {release.names.release} {release.chart_repository.chart} \\",
        f"  --version {release.chart} --namespace {release.namespace} \\",
        f"  --values {release.paths.values} --wait --timeout 10m",
    ]


def _label_commands(release: Release) -> list[str]:
    labels = pod_security_labels(release)
    if not labels:
        return []
    pairs = " ".join(f"{name}={value}" for name, value in labels.items())
    return [f"kubectl label namespace {release.namespace} {pairs}"]
