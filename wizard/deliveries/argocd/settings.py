"""What the manifests of Argo CD need from the answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArgoSettings:
    """The repository and the target of Argo CD's Applications."""

    namespace: str
    project: str
    repo_url: str
    revision: str
    destination: str
    prefix: str
    cluster_store: bool

    def path(self, path: str) -> str:
        """Return a path relative to the top of the Git repository, as Argo CD reads it."""
        return path if self.prefix in {"", "."} else f"{self.prefix}/{path}"
