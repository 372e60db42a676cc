"""Compares the cluster's identity with the recorded one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.errors import ConflictError
from wizard.formats.addresses import is_loopback

if TYPE_CHECKING:
    from wizard.answers.sections.cluster import Cluster as Recorded
    from wizard.clients.kube.protocol import ClusterIdentity


_HINT = "choose the right cluster with --context; create a new installation for a new cluster"


def build_cluster_record(seen: ClusterIdentity) -> dict[str, str]:
    """Return the values that the answers record about a cluster on first contact, by dotted key.

    A loopback address (a tunnel, kind) is valid on this machine only and is not recorded.
    """
    local = is_loopback(urlsplit(seen.server).hostname or "")
    return {"cluster.server": "" if local else seen.server, "cluster.uid": seen.uid}


def compare_clusters(recorded: Recorded, seen: ClusterIdentity) -> str:
    """Return why these are two different clusters, as a sentence; empty if they may be the same.

    The UID decides, because one cluster may have several addresses. If either UID is unknown, the
    addresses are compared. The address of a tunnel in `seen` is compared only if a UID is recorded.
    """
    if recorded.uid and seen.uid:
        if recorded.uid == seen.uid:
            return ""
        return f"the cluster has UID {seen.uid}, not the recorded {recorded.uid}"
    if not recorded.server or _parse_address(recorded.server) == _parse_address(seen.server):
        return ""
    if is_loopback(urlsplit(seen.server).hostname or "") and not recorded.uid:
        return ""
    return f"the cluster is {seen.server}, not the recorded {recorded.server}"


def find_missing_proof(recorded: Recorded, seen: ClusterIdentity) -> str:
    """Return why the cluster's identity is not proven, as a sentence; empty if it is.

    Writes require this proof. It is missing if a UID is recorded but may not be read and there is
    no recorded address to compare, or if only an address is recorded and the cluster is reached
    through a tunnel.
    """
    if recorded.uid and not seen.uid and not recorded.server:
        return f"the UID of {seen.server} may not be read, so its identity is not proven"
    known = recorded.uid or not recorded.server
    if known or _parse_address(recorded.server) == _parse_address(seen.server):
        return ""
    return f"{seen.server} is a tunnel on this machine, not the recorded {recorded.server}"


def require_same_cluster(recorded: Recorded, seen: ClusterIdentity) -> None:
    """Raise ConflictError if the context leads to a different cluster from the recorded one."""
    found = compare_clusters(recorded, seen) or (
        recorded.uid and find_missing_proof(recorded, seen)
    )
    if found:
        raise ConflictError(found, _HINT)


def _parse_address(url: str) -> tuple[str, int, str]:
    parts = urlsplit(url)
    return (parts.hostname or "").casefold(), parts.port or 443, parts.path.rstrip("/")
