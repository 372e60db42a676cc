"""Whether the cluster that a kubeconfig leads to is the one the answers were made for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.errors import ConflictError
from wizard.hosts import is_loopback

if TYPE_CHECKING:
    from wizard.backends.kube import Cluster
    from wizard.sections.cluster import Cluster as Recorded

_HINT = "choose the right one with --context; a new cluster is an installation of its own"


def record_of(seen: Cluster) -> dict[str, str]:
    """What the answers keep of a cluster on first contact, by dotted key.

    An address that means something on this machine only (a tunnel, kind) stays out of Git.
    """
    local = is_loopback(urlsplit(seen.server).hostname or "")
    return {"cluster.server": "" if local else seen.server, "cluster.uid": seen.uid}


def difference(recorded: Recorded, seen: Cluster) -> str:
    """Why these are two clusters, as a sentence; empty where nothing speaks against it.

    The UID decides: one cluster may have several addresses. Where either UID is unknown the
    address has to do, unless it is a tunnel's.
    """
    if recorded.uid and seen.uid:
        if recorded.uid == seen.uid:
            return ""
        return f"the answers are for the cluster with UID {recorded.uid}, this one has {seen.uid}"
    if not recorded.server or _address(recorded.server) == _address(seen.server):
        return ""
    if is_loopback(urlsplit(seen.server).hostname or "") and not recorded.uid:
        return ""
    return f"the answers are for the cluster at {recorded.server}, this one is {seen.server}"


def require_same(recorded: Recorded, seen: Cluster) -> None:
    """Raise ConflictError where the context leads to another cluster than the recorded one."""
    found = difference(recorded, seen)
    if not found and recorded.uid and not seen.uid and not recorded.server:
        found = f"the UID of {seen.server} may not be read, so nothing proves that it is the one"
    if found:
        raise ConflictError(found, _HINT)


def _address(url: str) -> tuple[str, int, str]:
    parts = urlsplit(url)
    return (parts.hostname or "").casefold(), parts.port or 443, parts.path.rstrip("/")
