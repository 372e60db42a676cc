"""The objects that an installation owns outside Git, derived from its answers.

If an installation has two Applications, the names of both are derived from one answer (facts on
Argo CD).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wizard.deliveries.registry import DELIVERIES, delivery_kind
from wizard.stores.registry import STORES, store_kind

NAME, NAMESPACE = "installation.name", "installation.namespace"
CREDENTIAL = "delivery.argocd.credential"
READER, READER_PATH = "delivery.argocd.vault.role", "delivery.argocd.vault.path"
# Suffixes of the derived names if there are two Applications.
PARENT_SUFFIXES, BOOTSTRAP_SUFFIXES = ("-parent", "-secrets"), ("-bootstrap",)
RUNTIME_ROLE = "secrets.backend.role"
RUNTIME_FOLDERS = ("secrets.backend.connections_path", "secrets.backend.variables_path")
PROJECT, ROLE, PATH = "delivery.argocd.project", "secrets.vault.role", "secrets.vault.path"


@dataclass(frozen=True, slots=True)
class Claims:
    """The names and places that one installation owns outside Git; unused fields are empty."""

    name: str
    folder: str
    namespace: str
    release: str
    cluster: tuple[str, str]
    destination: str = ""
    argocd: str = ""
    project: str = ""
    has_two_applications: bool = False
    vault: tuple[str, str] = ("", "")
    auth_mount: str = ""
    role: str = ""
    mount: str = ""
    path: str = ""
    # The question about the path, and what a free one looks like for another name.
    path_key: str = PATH
    path_form: str = "airflow-install/{name}/config"
    # The role of Airflow's own pods, if Vault is their secrets backend, and what it reads.
    runtime: str = ""
    runtime_mount: str = ""
    runtime_folders: tuple[str, str] = ("", "")
    # Argo CD's Git credential, if it comes from the store: its repository, role and path, and the
    # Vault auth mount for Argo CD's cluster.
    repository: str = ""
    reader: str = ""
    reader_path: str = ""
    reader_mount: str = ""

    @property
    def applications(self) -> set[str]:
        """The Applications in Argo CD, including those for the parent and the Secrets if used."""
        return (
            add_suffixes(self.name, PARENT_SUFFIXES if self.has_two_applications else ())
            if self.argocd
            else set()
        )

    @property
    def projects(self) -> set[str]:
        """The own AppProjects in Argo CD, with the parent's if there are two Applications."""
        return (
            add_suffixes(self.project, BOOTSTRAP_SUFFIXES if self.has_two_applications else ())
            if self.argocd and self.project
            else set()
        )

    @property
    def without_cluster(self) -> Claims:
        """The same claims without the cluster's identity, which is recorded on first contact."""
        return replace(self, cluster=("", ""))

    def __str__(self) -> str:
        return f"installation {self.name}" + (f" in {self.folder}" if self.folder else "")


def add_suffixes(name: str, suffixes: tuple[str, ...]) -> set[str]:
    """Return the name itself, and the name with each suffix."""
    return {name, *(name + suffix for suffix in suffixes)}


def derive_claims(data: Mapping[str, Any], folder: str) -> Claims:
    """Return the claims of raw answers; a value of the wrong type counts as its default.

    `folder` is the installation's root folder, relative to the top of the work tree.
    """

    def read(key: str) -> str:
        from wizard.answers.questions import field_spec
        from wizard.formats.nested import get_value

        default = field_spec(key).default
        value = get_value(data, tuple(key.split(".")), default)
        return str(value if isinstance(value, str) else default)

    store, delivery = read("secrets.store"), read("delivery.kind")
    return Claims(
        name=read(NAME),
        folder=folder,
        namespace=read(NAMESPACE),
        release=read("installation.release"),
        cluster=(read("cluster.uid"), read("cluster.server")),
        **(store_kind(store).claims(read) if store in STORES else {}),
        **(delivery_kind(delivery).claims(read) if delivery in DELIVERIES else {}),
    )
