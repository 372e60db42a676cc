"""One Kubernetes API server, through one context of the operator's kubeconfig.

What is read, applied and waited for goes through the `Kube` protocol; `open_kube` gives the real
client. Objects are plain mappings. Everything raises KubeError (a WizardError); nothing is sent
before the first operation, and `identity` says what will be used then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from pydantic import SecretStr

FIELD_MANAGER = "airflow-wizard"
KubeObject = dict[str, Any]
Propagation = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True, slots=True)
class Ref:
    """Names one object; `namespace` is empty for what belongs to the cluster as a whole."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Ref:
        """The object that a manifest describes."""
        meta = manifest["metadata"]
        return cls(
            manifest["apiVersion"], manifest["kind"], meta["name"], meta.get("namespace") or ""
        )

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """Which cluster answers: UID of namespace kube-system, empty where it may not be read."""

    server: str
    uid: str
    version: str


@dataclass(frozen=True, slots=True)
class Right:
    """One thing one may do; empty `namespace` asks for all namespaces or the cluster itself."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        kind = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        kind = f"{kind}.{self.group}" if self.group else kind
        named = f" {self.name}" if self.name else ""
        return f"{self.verb} {kind}{named}{' in ' + self.namespace if self.namespace else ''}"


@dataclass(frozen=True, slots=True)
class PodResponse:
    """What a program in a pod answered: HTTP's status, its media type, and a body of some KiB."""

    status: int
    media: str
    body: bytes


class Kube(Protocol):
    """What probes and actions need of a cluster; every method may raise KubeError."""

    @property
    def identity(self) -> str:
        """Context, server, user and kind of login, for the plan; sends nothing."""

    @property
    def server(self) -> str:
        """The API server's address, as this machine reaches it."""

    @property
    def ca(self) -> str:
        """The authority that this server is verified with, as PEM; empty for the machine's own."""

    def cluster(self) -> ClusterIdentity:
        """Which cluster this is."""

    def list_api_versions(self, group: str) -> tuple[str, ...]:
        """Versions of an API group, the preferred one first; empty where it is not installed."""

    def kinds(self, api_version: str) -> frozenset[str]:
        """Kinds of a group's version, such as external-secrets.io/v1; empty where not served."""

    def list_namespaced_kinds(self) -> tuple[tuple[str, str], ...]:
        """Version and kind of all that a namespace may hold, if it can be listed and deleted.

        What several versions of a group serve is named once.
        """

    def get(self, ref: Ref, *, metadata: bool = False) -> KubeObject | None:
        """The object, or None; with `metadata` only that, so that no Secret's value travels."""

    def find(
        self,
        api_version: str,
        kind: str,
        namespace: str = "",
        *,
        labels: str = "",
        metadata: bool = False,
    ) -> list[KubeObject]:
        """All objects of a kind, in one namespace or in all."""

    def apply(
        self, manifest: KubeObject, *, dry_run: bool = False, force: bool = False
    ) -> KubeObject:
        """Server-side apply under our field manager, strictly validated.

        Raises FieldsOwnedError where others own a field that would change, unless forced.
        """

    def create(self, manifest: KubeObject, *, dry_run: bool = False) -> KubeObject:
        """Make it; KubeConflictError (reason AlreadyExists) where one of its name stands."""

    def replace(self, manifest: KubeObject, *, dry_run: bool = False) -> KubeObject:
        """Put it in the place of the version it names; KubeConflictError when that has changed."""

    def delete(
        self,
        ref: Ref,
        *,
        uid: str,
        version: str = "",
        dry_run: bool = False,
        propagation: Propagation = "Background",
    ) -> bool:
        """Remove exactly the object of this UID (and resourceVersion); False when it is gone.

        KubeConflictError where another one has taken its name.
        """

    def may(self, right: Right) -> bool:
        """Whether the server would allow it; told by a SelfSubjectAccessReview."""

    def token(self, account: str, namespace: str, audience: str, seconds: int = 600) -> SecretStr:
        """A token of a ServiceAccount, as the store's operator asks for it; held in memory only.

        An empty audience asks for the server's default one.
        """

    def ask_pod(
        self, pod: Ref, port: int, path: str, host: str, *, seconds: float = 10.0
    ) -> PodResponse:
        """A program's answer to one HTTP GET, through a port-forward held in memory.

        Nothing else is sent to the pod. KubeError of kind `forbidden` without the right, `upgrade`
        where something on the way gives no such stream, `pod` where the program is at fault.
        """

    def follow(self, ref: Ref, seconds: float) -> Iterator[KubeObject | None]:
        """The object (None: not there) now, at each change and every few seconds, until time is up.

        A connection that breaks is taken up again; KubeError when it is broken at the end.
        """


def data_keys(found: Mapping[str, Any]) -> frozenset[str]:
    """Keys of a Secret or ConfigMap by its metadata alone: who set which field stands there.

    Empty for an object that is older than that record (Kubernetes 1.18).
    """
    keys: set[str] = set()
    for entry in found.get("metadata", {}).get("managedFields", []):
        fields = entry.get("fieldsV1", {})
        # Server-side apply records the field that was sent, not the one it ends up in.
        for part in ("f:data", "f:binaryData", "f:stringData"):
            names = fields.get(part, {})
            keys.update(name.removeprefix("f:") for name in names if name.startswith("f:"))
    return frozenset(keys)
