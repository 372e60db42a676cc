"""The variables that the chart sets in git-sync's own containers (chart 1.22.0)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

_ALWAYS = (
    "GIT_SYNC_REV", "GITSYNC_REF", "GIT_SYNC_BRANCH", "GIT_SYNC_REPO", "GITSYNC_REPO",
    "GIT_SYNC_DEPTH", "GITSYNC_DEPTH", "GIT_SYNC_ROOT", "GITSYNC_ROOT", "GIT_SYNC_DEST",
    "GITSYNC_LINK", "GIT_SYNC_ADD_USER", "GITSYNC_ADD_USER", "GITSYNC_PERIOD",
    "GIT_SYNC_MAX_SYNC_FAILURES", "GITSYNC_MAX_FAILURES", "GIT_SYNC_HTTP_BIND",
    "GITSYNC_HTTP_BIND",
)  # fmt: skip
_SSH = (
    "GIT_SSH_KEY_FILE", "GITSYNC_SSH_KEY_FILE", "GIT_SYNC_SSH", "GITSYNC_SSH", "GIT_KNOWN_HOSTS",
    "GITSYNC_SSH_KNOWN_HOSTS",
)  # fmt: skip
_KNOWN_HOSTS = ("GIT_SSH_KNOWN_HOSTS_FILE", "GITSYNC_SSH_KNOWN_HOSTS_FILE")
_LOGIN = ("GIT_SYNC_USERNAME", "GITSYNC_USERNAME", "GIT_SYNC_PASSWORD", "GITSYNC_PASSWORD")


def git_sync_names(get: Callable[[str], Any]) -> Iterator[str]:
    """Yield the names of the variables; `get` returns a value by its dotted key.

    The container that runs before the pod has GIT_SYNC_ONE_TIME instead of GIT_SYNC_HTTP_BIND.
    """
    sync = "dags.gitSync"
    yield from _ALWAYS
    if get(f"{sync}.sshKeySecret") or get(f"{sync}.sshKey"):
        yield from _SSH
        if get(f"{sync}.knownHosts"):
            yield from _KNOWN_HOSTS
    elif get(f"{sync}.credentialsSecret"):
        yield from _LOGIN
    if get(f"{sync}.wait"):
        yield "GIT_SYNC_WAIT"
