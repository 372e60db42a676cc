"""The secret facts of an installation, and how Kubernetes Secrets are composed from them.

The store has one key per fact. The text of a Secret is composed in the cluster, so that a DBA can
change a single fact, and a diff in Git shows pool sizes. The encodings were tested end to end,
with passwords full of special characters, on External Secrets 2.9, PgBouncer 1.18 and PostgreSQL
15 (facts on External Secrets, "Composition in templates").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    from wizard.secrets.references import SecretRef


class Encoding(StrEnum):
    """How a template quotes the value of a fact."""

    RAW = "raw"
    URL = "url"
    USERLIST = "userlist"
    JSON = "json"
    PEM = "pem"


class Form(StrEnum):
    """The form of a generated value."""

    PASSWORD = "password"  # noqa: S105 - the name of a form, not a value
    FERNET = "fernet"
    KEY = "key"
    SSH_KEY = "ssh-key"
    GIVEN = "given"
    # Given, and may have several lines.
    TEXT = "text"


class ValueRule(Protocol):
    """What a value must be beyond its form; hashable, as facts are."""

    def find_problem(self, value: str) -> str:
        """Return why the value cannot work, without the value; empty if it can."""
        ...


@dataclass(frozen=True, slots=True)
class Fact:
    """One value in the store.

    `key` is the fact's name in layout `keys` (camelCase), `document` its dotted place in document
    000's payload. `reference` is the source if the store has no value (None: generate one). `rule`
    is what the value must be beyond its form.
    """

    key: str
    form: Form
    title: str
    document: str = ""
    reference: SecretRef | None = None
    rule: ValueRule | None = None

    @property
    def place(self) -> str:
        """Return the place of the value in document 000's one-document payload."""
        return self.document or self.key

    @property
    def generated(self) -> bool:
        """Return whether the wizard generates the value if it is missing in the store."""
        return self.reference is None or self.reference.kind == "generate"


@dataclass(frozen=True, slots=True)
class FactUse:
    """A fact in a template, and the encoding that it needs there."""

    fact: Fact
    encoding: Encoding = Encoding.RAW


Template = tuple[str | FactUse, ...]


@dataclass(frozen=True, slots=True)
class SecretSpec:
    """One Kubernetes Secret: its keys, the settings that name it, and its required labels.

    `folder` is the folder of its manifest below those of the installation's other objects.
    """

    name: str
    keys: Mapping[str, Template]
    settings: tuple[str, ...] = ()
    purpose: str = ""
    type: str = "Opaque"
    labels: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""

    @property
    def stem(self) -> str:
        """Return the path of its manifest, below the folder of the manifests, without suffix."""
        return f"{self.folder}/{self.name}" if self.folder else self.name

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Return the facts in the Secret's templates, each once, in order of first use."""
        found: dict[str, Fact] = {}
        for template in self.keys.values():
            for part in template:
                if isinstance(part, FactUse):
                    found.setdefault(part.fact.key, part.fact)
        return tuple(found.values())


def url_quote(text: str) -> str:
    """Return `text` as a URL component: percent-encodes all but unreserved characters."""
    return quote(text, safe="")
