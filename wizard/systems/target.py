"""The input of one run of `apply`: the committed files, and the clients with their logins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from wizard.state.apply_journal import fill_cluster_identity

if TYPE_CHECKING:
    from pathlib import Path

    from wizard.answers.model import Answers
    from wizard.answers.sections.cluster import Cluster
    from wizard.clients.helm import Helm
    from wizard.clients.kube.protocol import Kube
    from wizard.git.repository import WorkTree
    from wizard.manifests.ownership import Ownership
    from wizard.manifests.release import Release


class DatabaseAdmin(Protocol):
    """An administrator of the database's server; see `wizard.systems.database.admin`."""

    @property
    def identity(self) -> str:
        """The login and the server, without the password."""

    def unlock(self) -> None:
        """Read or prompt for the passwords. Raises WizardError when one is missing."""


@dataclass(frozen=True, slots=True)
class Target:
    """One committed installation and the clients of the systems that it is applied to.

    `files` holds the committed files by logical id, hand edits included; `emitted` holds all files
    of this installation by path. `access` is the store's address and login, with its `identity` in
    words, as the store's `find_access` returns it; None without credentials. `kube` is the cluster
    of Airflow and `argocd` that of Argo CD, often the same client; both None without a kubeconfig.
    `known_identities` are those of the systems that earlier runs used (see
    `wizard.state.apply_journal`), and `met_identities` those of the systems that this run uses.
    `cleanups` are called at the end of the run, for example to revoke logins. `helm` is the Helm
    program, and `chart` the path of a chart to install instead of the project's own. `database` is
    the administrator of PostgreSQL; None when no role or database is to be created. `agreed` holds,
    by step id, the hashes of diffs or lists that the operator accepted: the objects in them may be
    taken over, or deleted. `verdicts` remembers during one run whose the Applications and the Helm
    release are, because a removal deletes the evidence, and `observed` what it has read about
    Argo CD.
    """

    answers: Answers
    release: Release
    repository: WorkTree
    digest: str
    files: Mapping[str, bytes] = field(repr=False)
    emitted: Mapping[str, bytes] = field(repr=False, default_factory=dict)
    access: Any | None = None
    kube: Kube | None = None
    argocd: Kube | None = None
    known_identities: Mapping[str, str] = field(default_factory=dict)
    met_identities: dict[str, str] = field(default_factory=dict)
    cleanups: list[Callable[[], object]] = field(default_factory=list)
    database: DatabaseAdmin | None = None
    helm: Helm | None = None
    chart: Path | None = None
    agreed: Mapping[str, str] = field(default_factory=dict)
    verdicts: dict[str, Ownership] = field(default_factory=dict)
    observed: dict[str, str] = field(default_factory=dict)

    @property
    def cluster(self) -> Cluster:
        """The recorded identity of the cluster, from the answers or an earlier run."""
        return fill_cluster_identity(self.answers.cluster, self.known_identities)

    @property
    def identities(self) -> tuple[str, ...]:
        """The login to each system, one sentence each; nothing is sent."""
        found = []
        if self.access:
            found.append(self.access.identity)
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
        """Return a committed file. Raises KeyError for an id without a file."""
        return self.files[logical].decode("utf-8")

    def files_under(self, prefix: str) -> dict[str, str]:
        """Return the committed files whose logical id starts with `prefix`, sorted by id."""
        return {
            name: data.decode("utf-8")
            for name, data in sorted(self.files.items())
            if name.startswith(prefix)
        }


DataKind = Literal["payload", "volumes", "namespace", "database"]
