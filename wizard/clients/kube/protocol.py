"""One Kubernetes API server, through one context of the user's kubeconfig.

The `Kube` protocol has the operations to read, apply and wait; `open_kube` returns the
implementation. Objects are plain mappings. Every method may raise KubeError (a WizardError).
Nothing is sent before the first operation, and `identity` sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import SecretStr

FIELD_MANAGER = "airflow-wizard"
KubeObject = dict[str, Any]
Propagation = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True, slots=True)
class Ref:
    """The name of one object; `namespace` is empty for cluster-scoped objects."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Ref:
        """Return the name of the object in a manifest."""
        meta = manifest["metadata"]
        return cls(
            manifest["apiVersion"], manifest["kind"], meta["name"], meta.get("namespace") or ""
        )

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"


def format_kind(kind: str, count: int = 2) -> str:
    """Return a kind as a word of a sentence about `count` objects, such as `NetworkPolicies`."""
    if count == 1 or kind == "Endpoints":
        return kind
    if kind.endswith("s"):
        return f"{kind}es"
    return f"{kind[:-1]}ies" if kind.endswith("cy") else f"{kind}s"


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """The identity of a cluster: the UID of namespace kube-system, empty if it is not readable."""

    server: str
    uid: str
    version: str


@dataclass(frozen=True, slots=True)
class Right:
    """One right to check; an empty `namespace` means all namespaces, or a cluster-scoped object."""

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
    """A program's response from a pod: HTTP status, media type, and a body of a few KiB."""

    status: int
    media: str
    body: bytes


class Kube(Protocol):
    """The cluster operations that probes and steps use; every method may raise KubeError."""

    @property
    def identity(self) -> str:
        """Return context, server, user and kind of login, as the plan shows them; sends nothing."""

    @property
    def server(self) -> str:
        """Return the API server's address, as seen from this machine."""

    @property
    def ca(self) -> str:
        """Return the CA that the server is verified with, as PEM; empty for this machine's CAs."""

    def cluster(self) -> ClusterIdentity:
        """Return the identity of the cluster."""

    def read_clock(self) -> datetime | None:
        """Return the API server's time with its zone, since this machine's clock may be wrong."""

    def list_api_versions(self, group: str) -> tuple[str, ...]:
        """Return the versions of an API group, the preferred one first; empty if not installed."""

    def kinds(self, api_version: str) -> frozenset[str]:
        """Return the kinds of an apiVersion (external-secrets.io/v1); empty if it is not served."""

    def list_namespaced_kinds(self) -> tuple[tuple[str, str], ...]:
        """Return apiVersion and kind of each namespaced resource that can be listed and deleted.

        A kind that several versions of its group have is returned only once.
        """

    def get(self, ref: Ref, *, metadata: bool = False) -> KubeObject | None:
        """Return the object or None; with `metadata` only its metadata, so no Secret's data."""

    def find(
        self,
        api_version: str,
        kind: str,
        namespace: str = "",
        *,
        labels: str = "",
        metadata: bool = False,
    ) -> list[KubeObject]:
        """Return all objects of a kind, in one namespace or in all."""

    def apply(
        self,
        manifest: KubeObject,
        *,
        manager: str = FIELD_MANAGER,
        dry_run: bool = False,
        force: bool = False,
    ) -> KubeObject:
        """Apply server-side as this field manager, with strict validation.

        Raises FieldsOwnedError if a field that would change has a different owner, unless forced.
        """

    def replace_managed_fields(
        self, ref: Ref, entries: Sequence[KubeObject], *, version: str
    ) -> None:
        """Replace who owns which fields; KubeConflictError if the version is not this one."""

    def create(self, manifest: KubeObject, *, dry_run: bool = False) -> KubeObject:
        """Create the object; KubeConflictError (reason AlreadyExists) if the name is in use."""

    def replace(self, manifest: KubeObject, *, dry_run: bool = False) -> KubeObject:
        """Replace the object; KubeConflictError if it no longer has the manifest's version."""

    def delete(
        self,
        ref: Ref,
        *,
        uid: str,
        version: str = "",
        dry_run: bool = False,
        propagation: Propagation = "Background",
    ) -> bool:
        """Delete the object if it still has this UID (and resourceVersion); False if it is missing.

        Raises KubeConflictError if the name now belongs to a different object.
        """

    def may(self, right: Right) -> bool:
        """Return whether the user has this right, according to a SelfSubjectAccessReview."""

    def token(self, account: str, namespace: str, audience: str, seconds: int = 600) -> SecretStr:
        """Return a new token of a ServiceAccount, as the store's operator requests one; in memory.

        An empty audience requests the server's default audience.
        """

    def with_token(self, token: SecretStr) -> Kube:
        """Return a client of the same cluster that logs in with this token only."""

    def ask_pod(
        self, pod: Ref, port: int, path: str, host: str, *, seconds: float = 10.0
    ) -> PodResponse:
        """Return a program's response to one HTTP GET, through a port-forward in memory.

        Nothing else is sent to the pod. Raises KubeError of kind `forbidden` if the user may not
        do this, `upgrade` if a proxy in between does not support the stream, and `pod` if the
        program does not give a valid response.
        """

    def follow(self, ref: Ref, seconds: float) -> Iterator[KubeObject | None]:
        """Yield the object (None: missing) now, at each change and every few seconds.

        Stops when the time is up. Reconnects after failures; KubeError if the last attempt failed.
        """


def data_keys(found: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys of a Secret or ConfigMap, read from the managed fields in its metadata.

    Empty for an object from before Kubernetes 1.18, which has no managed fields.
    """
    keys: set[str] = set()
    for entry in found.get("metadata", {}).get("managedFields", []):
        fields = entry.get("fieldsV1", {})
        # Server-side apply records fields as they were sent: stringData too.
        for part in ("f:data", "f:binaryData", "f:stringData"):
            names = fields.get(part, {})
            keys.update(name.removeprefix("f:") for name in names if name.startswith("f:"))
    return frozenset(keys)
