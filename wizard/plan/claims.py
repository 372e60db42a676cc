"""What an installation owns outside Git, by its answers alone.

Where there are two Applications, names come of the given ones (facts on Argo CD).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wizard.formats.addresses import normalize_url
from wizard.manifests.argocd import IN_CLUSTER_SERVER

NAME, NAMESPACE = "installation.name", "installation.namespace"
CREDENTIAL = "delivery.argocd.credential"
READER, READER_PATH = "delivery.argocd.vault.role", "delivery.argocd.vault.path"
READER_MOUNT = "delivery.argocd.vault.auth_mount"
# What comes of the names where there are two Applications.
PARENT_SUFFIXES, BOOTSTRAP_SUFFIXES = ("-parent", "-secrets"), ("-bootstrap",)
PROJECT, ROLE, PATH = "delivery.argocd.project", "secrets.vault.role", "secrets.vault.path"


@dataclass(frozen=True, slots=True)
class Claims:
    """What one installation owns outside Git, and where; empty where it has no such thing."""

    name: str
    folder: str
    namespace: str
    release: str
    cluster: tuple[str, str]
    destination: str
    argocd: str
    project: str
    has_two_applications: bool
    vault: tuple[str, str]
    auth_mount: str
    role: str
    mount: str
    path: str
    # Argo CD's credential, where it comes from the store: which repository, role and path, and
    # the auth mount of Argo CD's cluster.
    repository: str
    reader: str
    reader_path: str
    reader_mount: str

    @property
    def applications(self) -> set[str]:
        """The Applications at Argo CD; a parent and one for the Secrets where there are two."""
        return (
            add_suffixes(self.name, PARENT_SUFFIXES if self.has_two_applications else ())
            if self.argocd
            else set()
        )

    @property
    def projects(self) -> set[str]:
        """The AppProjects at Argo CD; one for the parent where there are two Applications."""
        return (
            add_suffixes(self.project, BOOTSTRAP_SUFFIXES if self.has_two_applications else ())
            if self.argocd
            else set()
        )

    @property
    def without_cluster(self) -> Claims:
        """Without what first contact with the cluster records."""
        return replace(self, cluster=("", ""))

    def __str__(self) -> str:
        return f"installation {self.name}" + (f" in {self.folder}" if self.folder else "")


def add_suffixes(name: str, suffixes: tuple[str, ...]) -> set[str]:
    """A name and those that come of it."""
    return {name, *(name + suffix for suffix in suffixes)}


def derive_claims(data: Mapping[str, Any], folder: str) -> Claims:
    """What the installation of raw answers owns; a value of the wrong type counts as its default.

    `folder` is the one its paths start from, relative to the top of the work tree.
    """

    def text(key: str, applies: bool = True) -> str:
        from wizard.answers.questions import field_spec
        from wizard.formats.nested import get_value

        default = field_spec(key).default
        value = get_value(data, tuple(key.split(".")), default)
        return str(value if isinstance(value, str) else default) if applies else ""

    kind = text("delivery.kind")
    argocd, vault = kind == "argocd", text("secrets.store") == "vault"
    # Helm goes where the operator's kubeconfig leads: some cluster, like Argo CD's own.
    destination = (
        IN_CLUSTER_SERVER if kind == "helm" else text("delivery.argocd.destination", argocd)
    )
    name = text(NAME)
    reads = argocd and vault and text(CREDENTIAL) == "store"
    role = text(ROLE, vault)
    return Claims(
        name=name,
        folder=folder,
        namespace=text(NAMESPACE),
        release=text("installation.release"),
        cluster=(text("cluster.uid"), text("cluster.server")),
        destination=destination,
        argocd=text("delivery.argocd.namespace", argocd),
        project=text(PROJECT, argocd),
        has_two_applications=text("delivery.argocd.applications", argocd) == "two",
        vault=(text("secrets.vault.server", vault), text("secrets.vault.namespace", vault)),
        auth_mount=text("secrets.vault.auth_mount", vault),
        role=role,
        mount=text("secrets.vault.mount", vault),
        path=(text(PATH) or f"airflow-install/{name}/config") if vault else "",
        repository=normalize_url(text("delivery.argocd.repo_url")) if reads else "",
        reader=(text(READER) or f"{role}-argocd") if reads else "",
        reader_path=(text(READER_PATH) or f"airflow-install/{name}/argocd") if reads else "",
        reader_mount=(text(READER_MOUNT) or text("secrets.vault.auth_mount")) if reads else "",
    )
