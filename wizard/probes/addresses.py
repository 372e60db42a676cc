"""Which answers name an address, and which: what name and port are tried while they are typed.

A new question that holds a host or a URL is one line here, or one in `ELSEWHERE` where nobody can
expect it to answer this machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from wizard.answers.model import Answers

Address = tuple[str, int]
_PORTS = {"https": 443, "http": 80, "ssh": 22}
# What every cluster calls itself: a name that means nothing outside.
_INSIDE = ("kubernetes.default", ".svc", ".cluster.local")


@dataclass(frozen=True, slots=True)
class Place:
    """Questions that together name one address; the outcome stands beside the first."""

    keys: tuple[str, ...]
    find: Callable[[Answers], Address | None]

    @property
    def key(self) -> str:
        """The question beside which the outcome stands."""
        return self.keys[0]

    def is_host(self, key: str) -> bool:
        """Whether this question is the bare host of an address, with the port in another one."""
        return key == self.key and len(self.keys) > 1

    def address(self, answers: Answers) -> Address | None:
        """Host and port as answered; None without any, or where it is one inside a cluster."""
        found = self.find(answers)
        if found is None or not found[0]:
            return None
        bare = found[0].rstrip(".")
        return None if bare.endswith(_INSIDE) or bare == "kubernetes" else found


def _of_url(url: str) -> Address | None:
    parts = urlsplit(url)
    return (parts.hostname or "", parts.port or _PORTS[parts.scheme]) if parts.scheme else None


def _of_repository(url: str) -> Address | None:
    from wizard.formats.addresses import git_location

    location = git_location(url) if url else None
    return (location.host, location.port) if location else None


def _of_image(repository: str) -> Address | None:
    first, slash, _ = repository.partition("/")
    if not slash or not ("." in first or ":" in first):
        return None
    host, _, port = first.partition(":")
    return host, int(port or 443)


PLACES: tuple[Place, ...] = (
    Place(("installation.image.repository",), lambda a: _of_image(a.installation.image.repository)),
    Place(("database.host", "database.port"), lambda a: (a.database.host, a.database.port)),
    Place(
        ("database.pgbouncer.host", "database.pgbouncer.port"),
        lambda a: (a.database.pgbouncer.host, a.database.pgbouncer.port),
    ),
    Place(
        ("database.result_backend.host", "database.result_backend.port"),
        lambda a: (a.database.result_backend.host, a.database.result_backend.port),
    ),
    Place(("broker.host", "broker.port"), lambda a: (a.broker.host, a.broker.port)),
    Place(("dags.repo",), lambda a: _of_repository(a.dags.repo)),
    Place(("secrets.vault.server",), lambda a: _of_url(a.secrets.vault.server)),
    Place(("delivery.argocd.repo_url",), lambda a: _of_repository(a.delivery.argocd.repo_url)),
    Place(("delivery.argocd.destination",), lambda a: _of_url(a.delivery.argocd.destination)),
)
# Addresses in answers that are not tried: nobody types the one, nothing answers at the other yet.
ELSEWHERE: tuple[str, ...] = ("cluster.server", "access.base_url")
BY_QUESTION: dict[str, Place] = {key: place for place in PLACES for key in place.keys}
