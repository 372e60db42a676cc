"""The steps of the delivery helm: id, title and owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.contribution import KUBERNETES_PORT, ONCE, Link, StepGroup, StepSpec
from wizard.manifests.steps import APPLY, BRANCH, CLUSTER_IDENTITY, chart_waits, store_waits

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release

PROGRAM = StepSpec("helm.program", "Check the helm program on this machine", "me", ("values",))
STORE = StepSpec(
    "helm.store",
    "Create the store and its account",
    "me",
    ("secrets/store", "secrets/service-account", "secrets/vault-ca"),
)
SECRETS = StepSpec("helm.secrets", "Create the ExternalSecrets", "me", ("secrets/",))
MANIFESTS = StepSpec("helm.manifests", "Create the other manifests", "me", ("secrets/",))
LISTED = StepSpec("helm.listed", "Apply the other listed files yourself", "me", ("kustomization",))


def namespace_step(release: Release) -> StepSpec:
    """Return the step that creates the namespace."""
    return StepSpec("helm.namespace", f"Create namespace {release.namespace}", "platform", ONCE)


def chart_step(release: Release) -> StepSpec:
    """Return the step that installs the chart."""
    title = f"Install chart {release.chart} with Helm"
    return StepSpec("helm.chart", title, "me", ("values",))


def install_group(release: Release) -> StepGroup:
    """Return the next step that installs the chart."""
    return StepGroup("helm.install", chart_step(release).title, "me", "install", APPLY)


def list_links(release: Release, program: str) -> tuple[Link, ...]:
    """Return the connections of the program that installs the chart, on the operator's machine."""
    chart, port = release.chart_repository.address
    purpose = f"namespace {release.namespace}"
    return (
        Link(program, "chart repository", chart, int(port)),
        Link(program, "Kubernetes API", "", KUBERNETES_PORT, purpose),
    )


def helm_steps(release: Release, total: Contribution) -> tuple[StepSpec, ...]:
    """Return the steps of `apply`, in order."""
    store = {f"secrets/{name}" for name in ("store", "service-account", "vault-ca")}
    secrets = {f"secrets/{secret.stem}" for secret in total.secrets}
    others = [
        file
        for file in total.manifests
        if file.logical not in store | secrets and "/store-account-" not in file.logical
    ]
    return (
        BRANCH,
        CLUSTER_IDENTITY,
        PROGRAM,
        namespace_step(release),
        *([STORE, SECRETS] if release.external_secrets else []),
        *([MANIFESTS] if others else []),
        *store_waits(release),
        chart_step(release),
        *chart_waits(release),
    )
