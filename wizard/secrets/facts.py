"""The secret facts of an installation, and how Kubernetes Secrets are composed from them.

The store holds one key per fact; a Secret's text is composed where it is made, so that a DBA can
change one key and pool sizes show in a diff. Encodings were proven end to end on hostile
passwords with External Secrets 2.9, PgBouncer 1.18 and PostgreSQL 15 (facts on External Secrets,
"Composition in templates").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from wizard.secrets.references import SecretRef


class Encoding(StrEnum):
    """How a fact's value is quoted at the place where it stands."""

    RAW = "raw"
    URL = "url"
    USERLIST = "userlist"
    JSON = "json"
    PEM = "pem"


class Form(StrEnum):
    """What a generated value looks like."""

    PASSWORD = "password"  # noqa: S105 - the name of a form, not a value
    FERNET = "fernet"
    KEY = "key"
    SSH_KEY = "ssh-key"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Fact:
    """One value in the store.

    `key` is its flat camelCase name; `document` its dotted place in document 000's payload;
    `reference` says where the value comes from when the store lacks it (None: it is generated).
    """

    key: str
    form: Form
    title: str
    document: str = ""
    reference: SecretRef | None = None

    @property
    def place(self) -> str:
        """Where the value stands in document 000's one-document payload."""
        return self.document or self.key

    @property
    def generated(self) -> bool:
        """Whether the value is made by us where the store has none."""
        return self.reference is None or self.reference.kind == "generate"


@dataclass(frozen=True, slots=True)
class FactUse:
    """A fact at one place of a template, in the encoding that place needs."""

    fact: Fact
    encoding: Encoding = Encoding.RAW


Template = tuple[str | FactUse, ...]


@dataclass(frozen=True, slots=True)
class SecretSpec:
    """One Kubernetes Secret: its keys, the settings that name it, and labels it has to bear."""

    name: str
    keys: Mapping[str, Template]
    settings: tuple[str, ...] = ()
    purpose: str = ""
    type: str = "Opaque"
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts the Secret is composed of, each once, in order of first use."""
        found: dict[str, Fact] = {}
        for template in self.keys.values():
            for part in template:
                if isinstance(part, FactUse):
                    found.setdefault(part.fact.key, part.fact)
        return tuple(found.values())


def url_quote(text: str) -> str:
    """`text` as one component of a URL: everything but unreserved characters is percent-encoded."""
    return quote(text, safe="")
