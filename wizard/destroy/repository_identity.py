"""Check, before a removal, that this clone is of the repository that the installation belongs to.

A fork has the same committed answers, so it names the same source: everything that the original
repository made would be taken for its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import UsageError
from wizard.formats.addresses import parse_git_url
from wizard.formats.terminal import escape_unprintable
from wizard.git.push import find_remote, remote_url
from wizard.manifests.ownership import repository_place
from wizard.systems.cluster.ownership import ask_identity

if TYPE_CHECKING:
    from wizard.systems.target import Target

REPOSITORY_IDENTITY = "repository.identity"


def build_repository_proof(target: Target) -> Step:
    """Return the step that compares the remote with the source, or asks about it."""

    def look() -> StepStatus:
        source, place = _read_source_place(target), _read_remote_place(target)
        if not source or not place:
            return StepStatus("holds", "there is no address to compare")
        if source == place:
            return StepStatus("holds", f"the remote is {escape_unprintable(place)}")
        what = f"remote {escape_unprintable(place)}"
        why = f"the installation belongs to {escape_unprintable(source)}, and this may be a fork"
        return ask_identity(target, REPOSITORY_IDENTITY, what, why)

    title = "Check that the remote is the installation's repository"
    return Step(
        REPOSITORY_IDENTITY, title, "me", str(target.repository.top), wrap_blocking(look),
        independent=True,
    )  # fmt: skip


def _read_source_place(target: Target) -> str:
    """Return host and path of the source; empty if it names no address."""
    place = target.release.owner_id.rpartition("#")[0].partition("//")[0]
    # Sources of repositories that had no remote, or a folder.
    return "" if place.partition("/")[0] in {"commit", "new", "remote"} else place


def _read_remote_place(target: Target) -> str:
    """Return host and path of the remote; empty without one, or if it is a folder."""
    try:
        remote = find_remote(target.repository, target.answers.repository.branch)
        url = remote_url(target.repository, remote).replace("://***@", "://")
        parse_git_url(url)
    except (UsageError, ValueError):
        return ""
    return repository_place(url)
