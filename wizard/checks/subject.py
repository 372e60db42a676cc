"""The input of the checks: the parsed files, and known facts about the installation."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.chart.contract import Version, get_chart_value
from wizard.declarations.declaration import Declaration
from wizard.deliveries.record import Place
from wizard.errors import Fix
from wizard.findings import Finding, Severity
from wizard.manifests.contribution import EncryptedFile

DEFAULT_ARGOCD_NAMESPACE = "argocd"
CONFIG_SUFFIX = "config"
# With these values, the chart names its objects otherwise than after the release alone.
_NAMING = ("useStandardNaming", "fullnameOverride", "nameOverride")


@dataclass(frozen=True, slots=True)
class Layout:
    """Facts about an installation that the checks cannot read from its files.

    `values` is the path of the Helm values file ("" if there is none). `secrets` are the Secrets
    of the release's namespace that exist outside Git, with their keys (None: keys unknown), and
    `config_maps` ConfigMaps that do. `stores` are secret stores outside Git as (kind, name).
    `policies` and `roles` map names in
    Vault to the files that hold them. `argocd` is the namespace of Argo CD. `manifests` are the
    files of objects that must be applied as they are written (empty: the wizard wrote none),
    `applications` those of the objects that apply them, `rivals` those of others that apply them
    too, wherever they are. `encrypted` are the files with encrypted values that the installation
    has, and `prefix` is the folder of the Git
    repository in which all paths are. `registry` is the registry and path that all images come from
    (empty: the public registries).
    """

    release: str = "airflow"
    namespace: str = "airflow"
    values: str = ""
    secrets: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    config_maps: frozenset[str] = frozenset()
    stores: frozenset[tuple[str, str]] = frozenset()
    policies: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    argocd: str = DEFAULT_ARGOCD_NAMESPACE
    manifests: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    rivals: frozenset[str] = frozenset()
    encrypted: tuple[EncryptedFile, ...] = ()
    prefix: str = ""
    registry: str = ""

    @property
    def config_map(self) -> str:
        """Return the name of the chart's ConfigMap, which holds git-sync's host keys."""
        return f"{self.release}-{CONFIG_SUFFIX}"

    @property
    def place(self) -> Place:
        """Return where the installation is in the Git repository."""
        return Place(
            posixpath.join(self.prefix, self.values),
            self.namespace,
            frozenset(posixpath.join(self.prefix, one) for one in self.manifests),
            frozenset(posixpath.join(self.prefix, one) for one in self.applications),
        )

    def is_of_others(self, path: str) -> bool:
        """Return whether the file is beside the wizard's manifests and none of them."""
        return bool(self.manifests) and path not in self.manifests

    def is_beside_applications(self, path: str) -> bool:
        """Return whether the file is of others, and applied like the wizard's Applications.

        Such files are below a folder of the wizard's Applications, or `rivals` anywhere.
        """
        folders = tuple({f"{one.rpartition('/')[0]}/" for one in self.applications})
        return path in self.rivals or (path not in self.applications and path.startswith(folders))


@dataclass(frozen=True, slots=True)
class Document:
    """One Kubernetes object (or other YAML document) in a file."""

    path: str
    number: int
    data: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Return the object's kind, or ""."""
        return _text(self.data.get("kind"))

    @property
    def api_version(self) -> str:
        """Return the object's apiVersion, or ""."""
        return _text(self.data.get("apiVersion"))

    @property
    def group(self) -> str:
        """Return the API group; "" for core objects."""
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Return the object's metadata."""
        return as_mapping(self.data.get("metadata"))

    @property
    def spec(self) -> Mapping[str, Any]:
        """Return the object's spec."""
        return as_mapping(self.data.get("spec"))

    @property
    def name(self) -> str:
        """Return the object's name, or ""."""
        return _text(self.metadata.get("name"))

    @property
    def namespace(self) -> str:
        """Return the namespace as written, or ""."""
        return _text(self.metadata.get("namespace"))

    @property
    def annotations(self) -> Mapping[str, Any]:
        """Return the object's annotations."""
        return as_mapping(self.metadata.get("annotations"))

    def where(self, dotted: str = "") -> str:
        """Return a place in this document, with the document's number unless it is the first."""
        if not self.number:
            return dotted
        return f"document {self.number + 1}{': ' if dotted else ''}{dotted}"


@dataclass(frozen=True, slots=True)
class Subject:
    """All parsed files of one installation; `values` is None if they could not be read.

    `declarations` are the releases of Airflow's chart that the files declare, `value_files` the
    files that hold their values and nothing else, `links` the symbolic links within the repository
    (path to target), `templates` the files of charts that only Helm can read. `guesses_airflow`,
    `guesses_release`, `guesses_namespace`: no file says the version of Airflow, the release's name,
    or its namespace.
    """

    files: Mapping[str, bytes]
    layout: Layout
    chart: str
    airflow: Version
    documents: tuple[Document, ...]
    values: Mapping[str, Any] | None
    declarations: tuple[Declaration, ...] = ()
    value_files: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)
    templates: frozenset[str] = frozenset()
    guesses_airflow: bool = False
    guesses_release: bool = False
    guesses_namespace: bool = False

    @property
    def knows_names(self) -> bool:
        """Return whether the chart's objects have the names of `Names`: always in our own trees."""
        renamed = any(get_chart_value(self.values or {}, key) for key in _NAMING)
        return bool(self.layout.manifests) or not (self.guesses_release or renamed)

    @property
    def release_name(self) -> str:
        """Return the name of the release, for messages."""
        return "RELEASE" if self.guesses_release else self.layout.release

    def object_name(self, suffix: str) -> str:
        """Return the name of an object of the chart, for messages."""
        return f"{self.layout.release if self.knows_names else 'RELEASE'}-{suffix}"

    def is_object_name(self, name: object, suffix: str) -> bool:
        """Return whether an object of this name can be the chart's."""
        if self.knows_names:
            return name == self.object_name(suffix)
        return isinstance(name, str) and name.endswith(f"-{suffix}")

    @property
    def config_map(self) -> str:
        """Return the name of the chart's ConfigMap, for messages."""
        return self.object_name(CONFIG_SUFFIX)

    def is_config_map(self, name: object) -> bool:
        """Return whether a ConfigMap of this name can be the chart's."""
        return self.is_object_name(name, CONFIG_SUFFIX)

    def is_values(self, path: str) -> bool:
        """Return whether the file holds Helm values of Airflow's chart and nothing else."""
        return path == self.layout.values or path in self.value_files

    def is_declared(self, document: Document, where: str) -> bool:
        """Return whether a place of a document holds Helm values of a declared release."""
        return any(
            layer.path == document.path
            and layer.number == document.number
            and f"{where}.".startswith((f"{layer.where}.", f"{layer.where}["))
            for one in self.declarations
            for layer in one.found.layers
            if layer.where
        )

    def objects(self, *kinds: str, group: str | None = None) -> Iterator[Document]:
        """Yield the Kubernetes objects of these kinds."""
        for document in self.documents:
            if document.kind in kinds and (group is None or document.group == group):
                yield document

    def namespace(self, document: Document) -> str:
        """Return the namespace in which the object will be created."""
        return document.namespace or self.layout.namespace


def make_finding(
    document: Document,
    rule: str,
    where: str,
    message: str,
    fix: str,
    severity: Severity = "error",
) -> Finding:
    """Return a finding about a place in a document, an error unless `severity` says otherwise."""
    return Finding(rule, severity, document.path, document.where(where), message, Fix(fix))


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one; any type may occur in a file."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def get_nested(value: object, *keys: str) -> Any:
    """Return the value below these keys, or None."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
