"""The runbook's part of the delivery argocd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.argocd.known_hosts import known_hosts_path
from wizard.deliveries.argocd.manifests import CREDENTIAL_PARTS, CREDENTIAL_PREFIX, HEALTH_KEY
from wizard.deliveries.argocd.questions import NAME, ArgoCd
from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.ownership import apply_command
from wizard.manifests.runbook import DeliveryRunbook, render_first_run, shell_block
from wizard.manifests.teardown import render_tear_down

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.release import Release
    from wizard.manifests.runbook import RunbookContext

# Lua, as Argo CD runs it: an Application is as healthy as its own status says.
_HEALTH_CHECK = """\
local health = (obj.status or {}).health or {}
return {status = health.status or "Progressing", message = health.message or ""}
"""


def argocd_runbook(
    delivery: DeliveryAnswers, release: Release, context: RunbookContext
) -> DeliveryRunbook:
    """Return the texts on creating, rolling back and removing the Applications."""
    argo = delivery.answers_of(NAME, ArgoCd)
    name = release.installation
    names = f"{name}-parent {name} {name}-secrets" if argo.applications == "two" else name
    by_hand = (_render_two if argo.applications == "two" else _render_one)(argo, release, context)
    return DeliveryRunbook(
        install=f"{render_first_run(release, context)}\n\n{by_hand}",
        tear_down=render_tear_down(
            release, context, [f"kubectl -n {argo.namespace} delete application {names}"]
        ),
        validate=(f"kubectl -n {argo.namespace} get application {name}",),
        preview=(
            "# what the sync will change, also in objects that were made by hand; the tracking-id",
            "# of each object shows as removed, because Argo CD adds it",
            f"kubectl diff --server-side --force-conflicts --field-manager=argocd-controller "
            f"-k {release.paths.apps}",
        ),
        roll_back=("git revert <commit>   # Argo CD follows the branch",),
    )


def _guard_commands(release: Release, context: RunbookContext) -> list[str]:
    """Return the commands to run before the project is created.

    They apply the store's guard and the objects of Argo CD's credential.
    """
    paths = {file.logical: file.path for file in context.total.files}
    guards = [
        path for logical, path in paths.items() if logical.startswith("argocd/bootstrap/store-")
    ]
    own = _credential_paths(context)
    return [apply_command(release.owner_id, f"-f {path}") for path in (*guards, *own)]


def _apply_commands(release: Release, *names: str) -> list[str]:
    """Return the commands that apply files of Argo CD's folder."""
    folder = release.paths.argocd
    return [apply_command(release.owner_id, f"-f {folder}/{name}") for name in names]


def _credential_paths(context: RunbookContext) -> list[str]:
    paths = {file.logical: file.path for file in context.total.files}
    parts = CREDENTIAL_PARTS if context.total.readers else ()
    return [paths[f"{CREDENTIAL_PREFIX}{part}"] for part in parts]


def _render_one(argo: ArgoCd, release: Release, context: RunbookContext) -> str:
    names = ["application.yaml"]
    if not argo.uses_existing_project:
        names.insert(0, "project.yaml")
    command = shell_block(
        *_guard_commands(release, context),
        *_apply_commands(release, *names),
    )
    own = _credential_paths(context)
    when = "the store is filled" if own else "Argo CD knows this repository"
    if argo.uses_existing_project:
        when += f" and AppProject `{argo.project}` allows this installation"
    return f"{_render_known_hosts(argo, release)}Or by hand, once {when}:\n\n{command}"


def _render_known_hosts(argo: ArgoCd, release: Release) -> str:
    """Return how Argo CD's admin adds the verified host keys; empty if none are recorded."""
    path = known_hosts_path(argo, release)
    if not path:
        return ""
    command = shell_block(f"argocd cert add-ssh --batch --from {path}")
    return f"If Argo CD's admin adds the verified host keys of this repository:\n\n{command}\n\n"


def _render_two(argo: ArgoCd, release: Release, context: RunbookContext) -> str:
    command = shell_block(
        *_guard_commands(release, context),
        *_apply_commands(
            release, "project.yaml", "bootstrap/project.yaml", "bootstrap/parent.yaml"
        ),
    )
    note = (
        "Waves 5 and 10 order the two Applications only if Argo CD checks the health of\n"
        "Applications, which it has not done by default since version 1.8 (argo-cd#3781). Without\n"
        "the check, both sync at the same time and pods wait until their Secrets exist. It\n"
        "concerns all Applications of this Argo CD, so its admin adds it, to ConfigMap\n"
        f"`argocd-cm` of `{argo.namespace}`:"
    )
    health = f"```yaml\n{dump_yaml({'data': {HEALTH_KEY: _HEALTH_CHECK}})}```"
    hosts = _render_known_hosts(argo, release)
    return f"{hosts}Or by hand, as an Argo CD admin:\n\n{command}\n\n{note}\n\n{health}"
