"""What one run of `apply` works on: the committed files, and who this machine is outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from wizard.state.apply_journal import fill_cluster_identity

if TYPE_CHECKING:
    from pathlib import Path

    from wizard.answers.model import Answers
    from wizard.answers.sections.cluster import Cluster
    from wizard.clients.helm import Helm
    from wizard.clients.kube.protocol import Kube
    from wizard.clients.vault.address import VaultAddress, VaultCredentials
    from wizard.git.repository import WorkTree
    from wizard.manifests.release import Release


class DatabaseAdmin(Protocol):
    """An administrator of the database's server; `wizard.systems.database.admin` has the one."""

    @property
    def identity(self) -> str:
        """Who this is to whom, without the secret."""

    def unlock(self) -> None:
        """Read and ask for the passwords. Raises WizardError without one."""


@dataclass(frozen=True, slots=True)
class Target:
    """One committed installation, with the ways to the systems it is applied to.

    `files` holds what stands in the repository, by logical id, hand edits included; `emitted` are
    the same and all others of this installation, by path. `vault` is
    None where nothing says who this machine is there; `kube` is the cluster that Airflow runs in
    and `argocd` the one that Argo CD runs in (often the same client); None without a kubeconfig.
    `known` are the identities that earlier runs met (see
    `wizard.state.apply_journal`), and `met` those that this one does. `ends` are to be called at
    the end of the run: logins are revoked there. `helm` is the program that delivers by Helm, and
    `chart` the one to install instead of the project's own, by its path; None where there is none.
    `database` is the administrator of PostgreSQL, None where no role or database is to be made.
    `agreed` are the seals of diffs that the operator said yes to, by action: what they show of
    another's object may be taken over.
    """

    answers: Answers
    release: Release
    repository: WorkTree
    digest: str
    files: Mapping[str, bytes] = field(repr=False)
    emitted: Mapping[str, bytes] = field(repr=False, default_factory=dict)
    vault: tuple[VaultAddress, VaultCredentials] | None = None
    kube: Kube | None = None
    argocd: Kube | None = None
    known_identities: Mapping[str, str] = field(default_factory=dict)
    met_identities: dict[str, str] = field(default_factory=dict)
    cleanups: list[Callable[[], object]] = field(default_factory=list)
    database: DatabaseAdmin | None = None
    helm: Helm | None = None
    chart: Path | None = None
    agreed: Mapping[str, str] = field(default_factory=dict)

    @property
    def cluster(self) -> Cluster:
        """The recorded identity of the cluster: in the answers, else by an earlier run."""
        return fill_cluster_identity(self.answers.cluster, self.known_identities)

    @property
    def identities(self) -> tuple[str, ...]:
        """Who this run will be to whom, a sentence each; nothing is sent to find out."""
        found = []
        if self.vault:
            address, credentials = self.vault
            found.append(f"Vault at {address.url} ({address.source}): {credentials.identity}")
        if self.kube:
            found.append(f"cluster: {self.kube.identity}")
        if self.argocd and self.argocd is not self.kube:
            found.append(f"Argo CD's cluster: {self.argocd.identity}")
        if self.helm:
            found.append(f"helm: {self.helm.identity}")
        if self.database is not None:
            found.append(self.database.identity)
        return tuple(found)

    def text(self, logical: str) -> str:
        """A committed file; KeyError where this installation has none of that id."""
        return self.files[logical].decode("utf-8")

    def files_under(self, prefix: str) -> dict[str, str]:
        """Committed files whose logical id starts so, by id and in its order."""
        return {
            name: data.decode("utf-8")
            for name, data in sorted(self.files.items())
            if name.startswith(prefix)
        }


DataKind = Literal["payload", "volumes", "namespace", "database"]
