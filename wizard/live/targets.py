"""The cluster that a kubeconfig leads to: is it the one the answers are for, and what it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.backends.kube import Ref
from wizard.backends.kube_errors import KubeError
from wizard.errors import ConflictError, WizardError
from wizard.hosts import is_loopback

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.backends.kube import Cluster, Kube
    from wizard.probes import ProbeResult
    from wizard.release import Release
    from wizard.sections import Answers
    from wizard.sections.cluster import Cluster as Recorded

# An overloaded API server is waited for, within what a probe may take.
PATIENCE = 5.0
_HINT = "choose the right one with --context; a new cluster is an installation of its own"


def cluster_of(context: str) -> tuple[Kube | None, ProbeResult | None]:
    """The cluster of a context, or why there is none; a context that was named has to be there."""
    from wizard.backends.kube import open_kube
    from wizard.probes import unknown

    try:
        return open_kube(context, patience=PATIENCE), None
    except WizardError as error:
        if context:
            raise
        return None, unknown(error.message, error.hint)


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
        return f"the cluster that answers has UID {seen.uid}, not the recorded {recorded.uid}"
    if not recorded.server or _address(recorded.server) == _address(seen.server):
        return ""
    if is_loopback(urlsplit(seen.server).hostname or "") and not recorded.uid:
        return ""
    return f"the cluster that answers is {seen.server}, not the recorded {recorded.server}"


def unproven(recorded: Recorded, seen: Cluster) -> str:
    """Why nothing proves that this is the recorded cluster, though nothing speaks against it.

    For what writes: a UID that may not be read with no address to hold against, or an address
    without a UID that was met through a tunnel.
    """
    if recorded.uid and not seen.uid and not recorded.server:
        return f"the UID of {seen.server} may not be read, so nothing proves that it is the one"
    known = recorded.uid or not recorded.server
    if known or _address(recorded.server) == _address(seen.server):
        return ""
    return f"{seen.server} leads through this machine and is not the recorded {recorded.server}"


def require_same(recorded: Recorded, seen: Cluster) -> None:
    """Raise ConflictError where the context leads to another cluster than the recorded one."""
    found = difference(recorded, seen) or (recorded.uid and unproven(recorded, seen))
    if found:
        raise ConflictError(found, _HINT)


def minting(kube: Kube, answers: Answers, release: Release) -> Callable[[], SecretStr] | None:
    """Gets a token of the store's ServiceAccount, for tries of the store's own login.

    None without Vault. ConflictError where the cluster is another one than the answers are for.
    """
    if release.store != "vault":
        return None
    store = answers.secrets.store_settings(release)

    def mint() -> SecretStr:
        require_same(answers.cluster, kube.cluster())
        return kube.token(store.service_account, store.account_namespace, store.audience)

    return mint


def existing_secrets(kube: Kube, answers: Answers) -> Callable[[str, Sequence[str]], Sequence[str]]:
    """Asks which of these Secrets a namespace has; for wizard.earlier's `Cluster`.

    Only metadata is read. The question raises NotAskedError where the cluster cannot be asked, and
    ConflictError where it is another one than the answers are for.
    """
    from wizard.earlier import NotAskedError

    def ask(namespace: str, names: Sequence[str]) -> Sequence[str]:
        try:
            require_same(answers.cluster, kube.cluster())
            refs = [Ref("v1", "Secret", name, namespace) for name in names]
            return [ref.name for ref in refs if kube.get(ref, metadata=True) is not None]
        except KubeError as error:
            raise NotAskedError(error.message) from None

    return ask


def _address(url: str) -> tuple[str, int, str]:
    parts = urlsplit(url)
    return (parts.hostname or "").casefold(), parts.port or 443, parts.path.rstrip("/")
