"""What the checks look at: the files, parsed once, and what is known about the installation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.chart.contract import Version

DEFAULT_ARGOCD_NAMESPACE = "argocd"


@dataclass(frozen=True, slots=True)
class Layout:
    """What the checks must know about an installation and cannot read from its files.

    `values` is the path of the Helm values file ("" when there is none). `secrets` are the Secrets
    of the release's namespace that exist outside Git, with their keys (None: keys unknown).
    `stores` are secret stores outside Git as (kind, name). `policies` and `roles` map names in
    Vault to the files that hold them. `argocd` is Argo CD's namespace.
    """

    release: str = "airflow"
    namespace: str = "airflow"
    values: str = ""
    secrets: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    stores: frozenset[tuple[str, str]] = frozenset()
    policies: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    argocd: str = DEFAULT_ARGOCD_NAMESPACE


@dataclass(frozen=True, slots=True)
class Document:
    """One Kubernetes object (or other YAML document) of a file."""

    path: str
    number: int
    data: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The object's kind, or ""."""
        return _text(self.data.get("kind"))

    @property
    def api_version(self) -> str:
        """The object's apiVersion, or ""."""
        return _text(self.data.get("apiVersion"))

    @property
    def group(self) -> str:
        """The API group; "" for core objects."""
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The object's metadata."""
        return as_mapping(self.data.get("metadata"))

    @property
    def spec(self) -> Mapping[str, Any]:
        """The object's spec."""
        return as_mapping(self.data.get("spec"))

    @property
    def name(self) -> str:
        """The object's name, or ""."""
        return _text(self.metadata.get("name"))

    @property
    def namespace(self) -> str:
        """The namespace as written, or ""."""
        return _text(self.metadata.get("namespace"))

    @property
    def annotations(self) -> Mapping[str, Any]:
        """The object's annotations."""
        return as_mapping(self.metadata.get("annotations"))

    def where(self, dotted: str = "") -> str:
        """A place in this document; later documents of a file say which they are."""
        if not self.number:
            return dotted
        return f"document {self.number + 1}{': ' if dotted else ''}{dotted}"


@dataclass(frozen=True, slots=True)
class Subject:
    """All files of one installation, parsed; `values` is None when they could not be read."""

    files: Mapping[str, bytes]
    layout: Layout
    chart: str
    airflow: Version
    documents: tuple[Document, ...]
    values: Mapping[str, Any] | None

    def objects(self, *kinds: str, group: str | None = None) -> Iterator[Document]:
        """The Kubernetes objects of these kinds."""
        for document in self.documents:
            if document.kind in kinds and (group is None or document.group == group):
                yield document

    def namespace(self, document: Document) -> str:
        """The namespace an object ends up in."""
        return document.namespace or self.layout.namespace


def as_mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one: hand-written files hold anything."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def get_nested(value: object, *keys: str) -> Any:
    """What stands below these keys, or None."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
