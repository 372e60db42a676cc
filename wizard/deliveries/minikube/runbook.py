"""The runbook's part of the delivery minikube: the commands, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.kind.scripts import chart_commands
from wizard.manifests.objects import pod_security_labels
from wizard.manifests.ownership import apply_command
from wizard.manifests.prerequisites import install_commands
from wizard.manifests.runbook import (
    DeliveryRunbook,
    remove_jobs_command,
    shell_block,
    wait_commands,
)

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.release import Release
    from wizard.manifests.runbook import RunbookContext

# Airflow does not start with minikube's default of 2 GB.
_MEMORY = "6g"


def minikube_runbook(
    delivery: DeliveryAnswers, release: Release, context: RunbookContext
) -> DeliveryRunbook:
    """Return the commands that install, roll back and remove everything in a minikube cluster."""
    del delivery
    namespace, name = release.namespace, release.names.release
    manifests = _manifest_commands(release, context)
    tear_down = shell_block(f"minikube delete --profile {release.installation}")
    return DeliveryRunbook(
        install=_render_install(release, context),
        tear_down=f"## Tear down\n\nThis deletes the cluster and all data in it:\n\n{tear_down}",
        handed_over=False,
        after_change=(*_program_commands(release), *manifests, *chart_commands(release)),
        roll_back=(remove_jobs_command(release), f"helm -n {namespace} rollback {name} --wait"),
    )


def _render_install(release: Release, context: RunbookContext) -> str:
    namespace = release.namespace
    labels = " ".join(f"{key}={value}" for key, value in pod_security_labels(release).items())
    steps = [
        "## Install on a laptop",
        "Create the cluster, which becomes the current context, and the namespace:",
        shell_block(
            f"minikube start --profile {release.installation} --memory {_MEMORY}",
            f"kubectl create namespace {namespace}",
            *([f"kubectl label namespace {namespace} {labels}"] if labels else []),
        ),
    ]
    if programs := _program_commands(release):
        steps += ["Install the programs above:", shell_block(*programs)]
    if context.store.create:
        steps += [
            "Create the Secrets once. Their values never reach a file or a command line:",
            shell_block(context.store.create),
        ]
    if manifests := _manifest_commands(release, context):
        steps += ["Apply the manifests:", shell_block(*manifests)]
    if context.store.open:
        steps += [
            "Fill the store, and let its owner set it up for this cluster:",
            shell_block(*context.store.open),
        ]
    if waits := wait_commands(release, context.store):
        steps += ["Wait for the Secrets:", shell_block(*waits)]
    steps += ["Install the chart:", shell_block(*chart_commands(release))]
    return "\n\n".join(steps)


def _program_commands(release: Release) -> list[str]:
    found = install_commands(release.prerequisites)
    return [f"{command}   # {fix}" if fix else command for command, fix in found]


def _manifest_commands(release: Release, context: RunbookContext) -> list[str]:
    command = apply_command(release.owner_id, f"-k {release.paths.apps}")
    return [command] if context.total.manifests else []
