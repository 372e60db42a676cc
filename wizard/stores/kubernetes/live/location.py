"""The cluster as a store: which one, with which login, and what it must have before a write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.answers.questions import list_secret_variables
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.errors import NoContextError
from wizard.clients.kube.protocol import Right
from wizard.errors import RefusedError
from wizard.state.apply_journal import with_remembered_cluster
from wizard.state.cluster_identity import require_same_cluster
from wizard.stores.kubernetes.live.composition import SecretsComposer
from wizard.stores.kubernetes.live.payload_store import SecretPayloadStore
from wizard.stores.live import StoreLocation
from wizard.systems.cluster.conditions import diagnose_namespace
from wizard.systems.cluster.namespace import explain_missing, read_namespace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.git.repository import WorkTree
    from wizard.manifests.release import Release
    from wizard.secrets.facts import SecretSpec
    from wizard.secrets.payload import PayloadPlace
    from wizard.stores.live import OpenStore

LOGIN_HINT = "name a kubeconfig context with --context, or export KUBECONFIG"


@dataclass(frozen=True, slots=True)
class OpenCluster:
    """The cluster with a login that can fill it; see `wizard.stores.live.OpenStore`."""

    kube: Kube
    release: Release

    @property
    def identity(self) -> str:
        """Return context, server and user."""
        return self.kube.identity

    def payload_store(self, settings: PayloadPlace, keys: Sequence[str] = ()) -> SecretPayloadStore:
        """Return the payload store in the Secret that `settings` names, with all `keys`."""
        del keys
        return SecretPayloadStore(self.kube, self.release, settings)

    def require_lasting(self, settings: PayloadPlace) -> tuple[str, ...]:
        """Return no warning: a Secret stays until somebody deletes it."""
        del settings
        return ()

    def require_rights(self, settings: PayloadPlace, *, exists: bool) -> str:
        """Raise RefusedError if the login may not write Secrets; return no note."""
        verbs = ("update" if exists else "create", "patch")
        for verb in verbs:
            right = Right(verb, "secrets", "", settings.mount)
            if not self.kube.may(right):
                raise RefusedError(
                    f"{self.identity} may not {right}; nothing was changed",
                    "ask your cluster's owner for the verbs get, create, update and patch on "
                    f"secrets in namespace {settings.mount}",
                )
        return ""


def find_login() -> Kube | None:
    """Return the current context's cluster, or None without one; sends nothing."""
    try:
        return open_kube()
    except NoContextError:
        return None


def locate_cluster(
    answers: Answers,
    release: Release,
    agreed: Mapping[str, Any],
    repository: WorkTree,
    context: str = "",
) -> StoreLocation:
    """Return the cluster of a kubeconfig context; raises UsageError for one that does not exist."""
    del agreed
    known = with_remembered_cluster(answers, repository, release.installation)
    try:
        kube = open_kube(context, hidden=list_secret_variables(answers))
    except NoContextError:
        kube = None
    return StoreLocation(
        title="Kubernetes",
        endpoint=kube.server if kube else answers.cluster.server or "the cluster",
        source="the kubeconfig",
        required_consent={},
        find_login=lambda: kube,
        login_hint=LOGIN_HINT,
        open=lambda login: _open(login, known, release),
    )


@contextmanager
def _open(kube: Kube, answers: Answers, release: Release) -> Iterator[OpenCluster]:
    require_same_cluster(answers.cluster, kube.cluster())
    if read_namespace(kube, release.namespace) is None:
        missing, fix = explain_missing(release)
        raise RefusedError(f"{missing}; nothing was changed", fix)
    if terminating := diagnose_namespace(kube, release.namespace):
        raise RefusedError(f"{terminating.cause}; nothing was changed", terminating.fix)
    yield OpenCluster(kube, release)


def open_composer(
    store: OpenStore, release: Release, secrets: Sequence[SecretSpec]
) -> SecretsComposer:
    """Return what makes the Secrets with the login of `store`."""
    if not isinstance(store, OpenCluster):
        raise TypeError(f"{store.identity} is no login to a cluster")
    return SecretsComposer(store.kube, release, secrets)
