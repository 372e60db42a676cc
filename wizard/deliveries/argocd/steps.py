"""The steps of the delivery argocd: id, title and owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.argocd.known_hosts import KNOWN_HOSTS_LOGICAL
from wizard.deliveries.argocd.manifests import CREDENTIAL_PREFIX
from wizard.formats.addresses import IN_CLUSTER_SERVER, is_ssh_url, parse_git_url
from wizard.manifests.contribution import ONCE, StepGroup, StepSpec
from wizard.manifests.steps import (
    APPLY,
    BRANCH,
    CLUSTER_IDENTITY,
    chart_waits,
    key_step,
    store_waits,
)

if TYPE_CHECKING:
    from wizard.deliveries.argocd.questions import ArgoCd
    from wizard.manifests.release import Release

HUB = StepSpec("argocd.cluster", "Check that the context is that of Argo CD's cluster", "me", ONCE)
KNOWN_HOSTS = StepSpec(
    "argocd.known-hosts",
    "Add the SSH host keys of this repository to Argo CD",
    "platform",
    (KNOWN_HOSTS_LOGICAL,),
)
REPOSITORY = StepSpec(
    "argocd.repository", "Check that Argo CD can read this repository", "platform", ONCE
)
CREDENTIAL = StepSpec(
    "argocd.credential",
    "Create Argo CD's own store and its credential",
    "platform",
    (CREDENTIAL_PREFIX,),
)
CREDENTIAL_WAIT = StepSpec(
    "argocd.repository",
    "Wait until Argo CD has its credential for this repository",
    "me",
    (CREDENTIAL_PREFIX,),
)
APPLICATION_HEALTH = StepSpec(
    "argocd.application-health",
    "Check that Argo CD orders the two Applications",
    "platform",
    ONCE,
)
_SYNC = StepGroup(
    "argocd.synced", "Wait until the Application is synced and healthy", "me", "run", APPLY
)
APPLICATION_WAIT = StepSpec(
    "verify.application",
    _SYNC.title,
    "me",
    ("values", "secrets/", "kustomization", "argocd/"),
    group=_SYNC,
)


def register_key_step(argo: ArgoCd) -> StepSpec:
    """Return the step that registers Argo CD's deploy key for the config repository."""
    place = parse_git_url(argo.repo_url)
    return key_step(
        "argocd.register-key", f"{place.host}/{place.path}", "Argo CD's key", CREDENTIAL_WAIT.id
    )


def project_step(argo: ArgoCd) -> StepSpec:
    """Return the step that creates the AppProject, or checks an existing one."""
    if argo.uses_existing_project:
        title = f"Check that AppProject {argo.project} allows this installation"
        return StepSpec("argocd.project", title, "platform", ("argocd/", "values", "kustomization"))
    title = f"Create AppProject {argo.project}"
    return StepSpec("argocd.project", title, "platform", ("argocd/project",))


def application_step(name: str) -> StepSpec:
    """Return the step that creates the Application, or the parent of two."""
    title = f"Create Application {name}"
    return StepSpec("argocd.application", title, "platform", ("argocd/application",))


def install_group(argo: ArgoCd, release: Release) -> StepGroup:
    """Return the next step that makes Argo CD install Airflow."""
    parent = "-parent" if argo.applications == "two" else ""
    title = f"Create Application {release.installation}{parent} in Argo CD"
    return StepGroup("argocd.install", title, "platform", "install", APPLY)


def argocd_steps(argo: ArgoCd, release: Release, *, reads: bool) -> tuple[StepSpec, ...]:
    """Return the steps of `apply` in order; `reads`: the store has Argo CD's credential."""
    parent = "-parent" if argo.applications == "two" else ""
    return (
        BRANCH,
        CLUSTER_IDENTITY,
        *([] if argo.destination == IN_CLUSTER_SERVER else [HUB]),
        *([KNOWN_HOSTS] if is_ssh_url(argo.repo_url) else []),
        *_credential_steps(argo, reads=reads),
        *([APPLICATION_HEALTH] if argo.applications == "two" else []),
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
