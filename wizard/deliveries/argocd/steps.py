"""The steps of a delivery by Argo CD, each declared once: its id, its title, its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.addresses import is_ssh_url, parse_git_url
from wizard.manifests.contribution import StepSpec
from wizard.manifests.steps import BRANCH, CLUSTER_IDENTITY, chart_waits, store_waits

if TYPE_CHECKING:
    from wizard.deliveries.argocd.questions import ArgoCd
    from wizard.manifests.release import Release

KNOWN_HOSTS = StepSpec(
    "argocd.known-hosts", "Let Argo CD know the SSH host keys of this repository", "platform"
)
REPOSITORY = StepSpec(
    "argocd.repository", "See whether Argo CD may read this repository", "platform"
)
CREDENTIAL = StepSpec(
    "argocd.credential", "Give Argo CD a store of its own, with its credential", "platform"
)
CREDENTIAL_WAIT = StepSpec(
    "argocd.repository", "Wait until Argo CD has its credential for this repository", "me"
)
APPLICATION_WAIT = StepSpec(
    "verify.application", "Wait until Argo CD has synced it and it is healthy", "me"
)


def register_key_step(argo: ArgoCd) -> StepSpec:
    """Return the step that registers Argo CD's key at the config repository."""
    place = parse_git_url(argo.repo_url)
    title = f"Register Argo CD's key, read-only, at {place.host}/{place.path}"
    return StepSpec("argocd.register-key", title, "platform")


def project_step(argo: ArgoCd) -> StepSpec:
    """Return the step that creates the AppProject."""
    return StepSpec("argocd.project", f"Create AppProject {argo.project}", "platform")


def application_step(name: str) -> StepSpec:
    """Return the step that creates the Application from which everything follows."""
    return StepSpec("argocd.application", f"Create Application {name}", "platform")


def argocd_steps(argo: ArgoCd, release: Release, *, reads: bool) -> tuple[StepSpec, ...]:
    """Return what `apply` does and waits for, in its order; `reads`: Argo CD reads the store."""
    parent = "-parent" if argo.applications == "two" else ""
    return (
        BRANCH,
        CLUSTER_IDENTITY,
        *([KNOWN_HOSTS] if is_ssh_url(argo.repo_url) else []),
        *_credential_steps(argo, reads=reads),
        project_step(argo),
        application_step(f"{release.installation}{parent}"),
        *store_waits(release),
        APPLICATION_WAIT,
        *chart_waits(release),
    )


def _credential_steps(argo: ArgoCd, *, reads: bool) -> tuple[StepSpec, ...]:
    if not reads:
        return (REPOSITORY,)
    register = (register_key_step(argo),) if argo.is_over_ssh else ()
    return (*register, CREDENTIAL, CREDENTIAL_WAIT)
