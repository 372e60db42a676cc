"""Compares the cluster's identity with the recorded one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.errors import ConflictError
from wizard.formats.addresses import is_loopback

if TYPE_CHECKING:
    from wizard.answers.sections.cluster import Cluster as Recorded
    from wizard.clients.kube.protocol import ClusterIdentity


_HINT = "choose the right one with --context; a new cluster is an installation of its own"


def build_cluster_record(seen: ClusterIdentity) -> dict[str, str]:
    """What the answers keep of a cluster on first contact, by dotted key.

    An address that means something on this machine only (a tunnel, kind) stays out of Git.
    """
    local = is_loopback(urlsplit(seen.server).hostname or "")
    return {"cluster.server": "" if local else seen.server, "cluster.uid": seen.uid}


def compare_clusters(recorded: Recorded, seen: ClusterIdentity) -> str:
    """Why these are two clusters, as a sentence; empty where nothing speaks against it.

    The UID decides: one cluster may have several addresses. Where either UID is unknown the
    address has to do, unless it is a tunnel's.
    """
    if recorded.uid and seen.uid:
        if recorded.uid == seen.uid:
            return ""
        return f"the cluster that answers has UID {seen.uid}, not the recorded {recorded.uid}"
    if not recorded.server or _parse_address(recorded.server) == _parse_address(seen.server):
        return ""
    if is_loopback(urlsplit(seen.server).hostname or "") and not recorded.uid:
        return ""
    return f"the cluster that answers is {seen.server}, not the recorded {recorded.server}"


def find_missing_proof(recorded: Recorded, seen: ClusterIdentity) -> str:
    """Why nothing proves that this is the recorded cluster, though nothing speaks against it.

    For what writes: a UID that may not be read with no address to hold against, or an address
    without a UID that was met through a tunnel.
    """
    if recorded.uid and not seen.uid and not recorded.server:
        return f"the UID of {seen.server} may not be read, so nothing proves that it is the one"
    known = recorded.uid or not recorded.server
    if known or _parse_address(recorded.server) == _parse_address(seen.server):
        return ""
    return f"{seen.server} leads through this machine and is not the recorded {recorded.server}"


def require_same_cluster(recorded: Recorded, seen: ClusterIdentity) -> None:
    """Raise ConflictError where the context leads to another cluster than the recorded one."""
    found = compare_clusters(recorded, seen) or (
        recorded.uid and find_missing_proof(recorded, seen)
    )
    if found:
        raise ConflictError(found, _HINT)


def _parse_address(url: str) -> tuple[str, int, str]:
    parts = urlsplit(url)
    return (parts.hostname or "").casefold(), parts.port or 443, parts.path.rstrip("/")
