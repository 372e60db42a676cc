"""Check, before a removal, that this clone is of the repository that the installation belongs to.

A fork has the same committed answers, so it names the same source: everything that the original
repository made would be taken for its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import UsageError
from wizard.formats.terminal import escape_unprintable
from wizard.git.push import find_remote, remote_url
from wizard.git.remotes import SSH_HOSTS, parse_remote_url
from wizard.manifests.ownership import clean_place, repository_place
from wizard.systems.cluster.ownership import ask_identity

if TYPE_CHECKING:
    from wizard.systems.target import Target

REPOSITORY_IDENTITY = "repository.identity"


def build_repository_proof(target: Target) -> Step:
    """Return the step that compares the remote with the source, or asks about it."""

    def look() -> StepStatus:
        source, url = _read_source_place(target), _find_remote_url(target)
        if not source:
            return StepStatus("holds", "there is no address to compare")
        if not url:
            named = escape_unprintable(source)
            return StepStatus("holds", f"no remote names a host: not compared with {named}")
        place = _read_place(url)
        if _spell(source) & (_spell(place) | _spell(repository_place(url))):
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


def _find_remote_url(target: Target) -> str:
    """Return the remote's URL; empty without one, or if it is a folder.

    People also switch pushing off, with a URL to push to that is a word.
    """
    repository = target.repository
    try:
        remote = find_remote(repository, target.answers.repository.branch)
        urls = [remote_url(repository, remote, push=push) for push in (True, False)]
    except UsageError:
        return ""
    plain = (url.replace("://***@", "://") for url in urls)
    return next((url for url in plain if _read_place(url)), "")


def _read_place(url: str) -> str:
    """Return host and path of a URL in any form that Git takes; empty for a folder."""
    location = parse_remote_url(url)
    if location is None:
        return "" if "://" not in url or url.lower().startswith("file:") else repository_place(url)
    host = re.sub(r":[0-9]+$", "", location.host)
    return f"{host}/{location.path}".lower()


def _spell(place: str) -> set[str]:
    """Return how a place may be written: an answer has no percent-encoding and no special host."""
    host, _, path = place.partition("/")
    host = SSH_HOSTS.get(host, host)
    return {clean_place(f"{host}/{one}") for one in (path, unquote(path))}
