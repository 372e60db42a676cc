"""Which answers name an address, and which: what name and port are tried while they are typed.

A new question that holds a host or a URL is one line here, or one in `UNCHECKED_ADDRESSES` where
nobody can expect it to answer this machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.deliveries.registry import delivery_kinds
from wizard.formats.addresses import parse_git_url
from wizard.formats.nested import get_value
from wizard.stores.registry import store_kinds

if TYPE_CHECKING:
    from wizard.answers.model import Answers

Address = tuple[str, int]
_PORTS = {"https": 443, "http": 80, "ssh": 22}
# What every cluster calls itself: a name that means nothing outside.
_INSIDE = ("kubernetes.default", ".svc", ".cluster.local")
_API_SERVER = "kubernetes"


@dataclass(frozen=True, slots=True)
class AddressQuestions:
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
        return None if bare.endswith(_INSIDE) or bare == _API_SERVER else found


def _parse_url(url: str) -> Address | None:
    parts = urlsplit(url)
    return (parts.hostname or "", parts.port or _PORTS[parts.scheme]) if parts.scheme else None


def _parse_repository(url: str) -> Address | None:
    location = parse_git_url(url) if url else None
    return (location.host, location.port) if location else None


def _parse_image(repository: str) -> Address | None:
    first, slash, _ = repository.partition("/")
    if not slash or not ("." in first or ":" in first):
        return None
    host, _, port = first.partition(":")
    return host, int(port or 443)


def _list_kind_urls() -> list[str]:
    """The questions of stores and deliveries that take a URL, in the order they are asked."""
    return [
        *(key for kind in store_kinds() for key in kind.urls),
        *(key for kind in delivery_kinds() for key in kind.urls),
    ]


def _find_url(key: str) -> Callable[[Answers], Address | None]:
    path = tuple(key.split("."))

    def find(answers: Answers) -> Address | None:
        url = str(get_value(answers, path))
        return _parse_url(url) if url.startswith("https://") else _parse_repository(url)

    return find


ADDRESS_QUESTIONS: tuple[AddressQuestions, ...] = (
    AddressQuestions(
        ("installation.image.repository",), lambda a: _parse_image(a.installation.image.repository)
    ),
    AddressQuestions(
        ("database.host", "database.port"), lambda a: (a.database.host, a.database.port)
    ),
    AddressQuestions(
        ("database.pgbouncer.host", "database.pgbouncer.port"),
        lambda a: (a.database.pgbouncer.host, a.database.pgbouncer.port),
    ),
    AddressQuestions(
        ("database.result_backend.host", "database.result_backend.port"),
        lambda a: (a.database.result_backend.host, a.database.result_backend.port),
    ),
    AddressQuestions(("broker.host", "broker.port"), lambda a: (a.broker.host, a.broker.port)),
    AddressQuestions(("dags.repo",), lambda a: _parse_repository(a.dags.repo)),
    *(AddressQuestions((key,), _find_url(key)) for key in _list_kind_urls()),
)
# Addresses in answers that are not tried: nobody types the one, nothing answers at the other yet.
UNCHECKED_ADDRESSES: tuple[str, ...] = ("cluster.server", "access.base_url")
ADDRESS_BY_QUESTION: dict[str, AddressQuestions] = {
    key: place for place in ADDRESS_QUESTIONS for key in place.keys
}
