"""The questions about addresses, whose host name and port are tested while the user types.

A new question with a host or a URL needs one line here, or one in `UNCHECKED_ADDRESSES` if this
machine cannot be expected to reach the address.
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
# Names that resolve only inside a cluster.
_INSIDE = ("kubernetes.default", ".svc", ".cluster.local")
_API_SERVER = "kubernetes"


@dataclass(frozen=True, slots=True)
class AddressQuestions:
    """Questions that together ask for one address; the first question shows the result."""

    keys: tuple[str, ...]
    find: Callable[[Answers], Address | None]

    @property
    def key(self) -> str:
        """The question that shows the result."""
        return self.keys[0]

    def is_host(self, key: str) -> bool:
        """Return whether this question asks for a host whose port is a separate question."""
        return key == self.key and len(self.keys) > 1

    def address(self, answers: Answers) -> Address | None:
        """Return host and port of the answers; None if empty or only valid inside a cluster."""
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
    """Return the keys of URL questions of stores and deliveries, in the order of the questions."""
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


_OTHER_URLS = (
    "database.cluster.backup.endpoint",
    "secrets.backend.server",
    "secrets.backend.vault_url",
    "access.oauth.issuer",
)
ADDRESS_QUESTIONS: tuple[AddressQuestions, ...] = (
    AddressQuestions(
        ("installation.image.registry",),
        lambda a: _parse_image(f"{a.installation.image.registry}/"),
    ),
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
    *(AddressQuestions((key,), _find_url(key)) for key in _OTHER_URLS),
)
# Not tested: cluster.server is never typed, and nothing listens at access.base_url yet.
UNCHECKED_ADDRESSES: tuple[str, ...] = ("cluster.server", "access.base_url")
ADDRESS_BY_QUESTION: dict[str, AddressQuestions] = {
    key: place for place in ADDRESS_QUESTIONS for key in place.keys
}
