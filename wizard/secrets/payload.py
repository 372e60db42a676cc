"""A store's data for an installation: reads facts, and adds missing facts without other changes.

There are two layouts. `keys` has one key per fact. `document` has one YAML document in key
`config`; a fact's dotted place leads to a nested value (document 000). New strings are
double-quoted, so that every YAML reader reads a string; existing text and comments are kept.
Messages never repeat a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from wizard.errors import AnswersError, ConflictError, RefusedError
from wizard.formats.nested import put_value, walk_mappings
from wizard.formats.yaml_reader import read_mapping
from wizard.secrets.facts import Fact, SecretSpec
from wizard.secrets.generation import find_value_problem

DOCUMENT_KEY = "config"
_YAML_WIDTH = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadPlace:
    """Where a payload is, in the terms of its store.

    `mount` is what holds several payloads, and `path` the payload's name in it. `document`: the
    payload is one YAML document under `config`. `reader` is empty for the installation's payload,
    otherwise the id of the reader.
    """

    mount: str
    path: str
    document: bool = False
    reader: str = ""

    def location(self) -> dict[str, str]:
        """Return the location of the payload, as messages and hand-off files name it."""
        return {
            "mount": self.mount,
            "path": self.path,
            "payload": "document" if self.document else "keys",
        }


def collect_facts(secrets: Sequence[SecretSpec]) -> tuple[Fact, ...]:
    """Return every fact in the Secrets, each once, in order of first use."""
    found: dict[str, Fact] = {}
    for secret in secrets:
        for fact in secret.facts:
            found.setdefault(fact.key, fact)
    return tuple(found.values())


def place_name(place: str, *, document: bool) -> str:
    """Return the name of a key, or of a dotted place in a document."""
    return f"{DOCUMENT_KEY}.{place}" if document else place


@dataclass(frozen=True)
class Payload:
    """All data at the store's path. `name` is the path for messages."""

    name: str
    document: bool
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def get(self, fact: Fact) -> str | None:
        """Return the value of a fact; None if it is missing.

        Raises RefusedError if the fact's place has data that cannot be the value.
        """
        if self.document:
            value: Any = self._read_document()
            parts = fact.place.split(".")
            for number, part in enumerate(parts):
                if value is not None and not isinstance(value, Mapping):
                    raise self._refusal_error(".".join(parts[:number]), "is not a mapping")
                value = None if value is None else value.get(part)
        else:
            value = self.data.get(fact.key)
        if value is None:
            return None
        place = fact.place if self.document else fact.key
        if not isinstance(value, str):
            raise self._refusal_error(place, "is not text; quote it")
        if problem := find_value_problem(fact, value):
            raise self._refusal_error(place, problem)
        return value

    @property
    def has_document(self) -> bool:
        """Whether the key of the document holds a YAML mapping."""
        try:
            return bool(self._read_document())
        except RefusedError:
            return False

    def list_names(self) -> frozenset[str]:
        """Return the names of everything stored here, as `place_name` writes those of facts.

        A document counts by its leaves. Raises RefusedError if it cannot be read.
        """
        return frozenset(self._list_values())

    def list_filled_names(self) -> frozenset[str]:
        """Return those names that have a value; raises RefusedError as `list_names`."""
        found = self._list_values().items()
        return frozenset(name for name, value in found if _has_text(value))

    def _list_values(self) -> dict[str, Any]:
        if not self.document:
            return dict(self.data)
        found = self._read_document() if DOCUMENT_KEY in self.data else {}
        leaves = {
            DOCUMENT_KEY + "".join(f".{part}" for part in path): value
            for path, value in walk_mappings(found)
            if path and not (isinstance(value, Mapping) and value)
        }
        every = {**self.data, **leaves}
        return {name: value for name, value in every.items() if name != DOCUMENT_KEY}

    def missing(self, facts: Sequence[Fact]) -> tuple[Fact, ...]:
        """Return the facts that are missing in the store."""
        return tuple(fact for fact in facts if self.get(fact) is None)

    def filled(self, values: Mapping[Fact, str]) -> dict[str, Any]:
        """Return the data to write: all existing data, and `values`."""
        for fact in values:
            if self.get(fact) is not None:
                raise ConflictError(f"{self.name}: {fact.key} already exists")
        if not self.document:
            return {**self.data, **{fact.key: value for fact, value in values.items()}}
        text = self._write_document({fact.place: value for fact, value in values.items()})
        return {**self.data, DOCUMENT_KEY: text}

    def _refusal_error(self, place: str, problem: str) -> RefusedError:
        return RefusedError(
            f"{self.name}: {place} {problem}",
            "correct or delete it there, then run this again: existing data in the store is "
            "never overwritten",
        )

    @property
    def _text(self) -> str:
        text = self.data.get(DOCUMENT_KEY)
        if text is not None and not isinstance(text, str):
            raise self._refusal_error(DOCUMENT_KEY, "is not a YAML document")
        return text or ""

    def _read_document(self) -> Mapping[str, Any]:
        try:
            return read_mapping(self._text, DOCUMENT_KEY)
        except AnswersError as error:
            # The reader's message names line and column, never the text.
            raise self._refusal_error("", error.message) from None

    def _write_document(self, values: Mapping[str, str]) -> str:
        from ruamel.yaml import YAML
        from ruamel.yaml.comments import CommentedMap
        from ruamel.yaml.scalarstring import DoubleQuotedScalarString

        yaml = YAML()
        yaml.preserve_quotes = True
        yaml.width = _YAML_WIDTH
        wanted: Mapping[str, Any] = self._read_document()
        document = yaml.load(self._text) if wanted else CommentedMap()
        for place, value in values.items():
            *parents, last = place.split(".")
            below = document
            for part in parents:
                if below.get(part) is None:
                    below[part] = CommentedMap()
                below = below[part]
            below[last] = DoubleQuotedScalarString(value)
            wanted = put_value(wanted, tuple(place.split(".")), value)
        stream = StringIO()
        yaml.dump(document, stream)
        text = stream.getvalue()
        if read_mapping(text, DOCUMENT_KEY) != wanted:
            raise self._refusal_error(DOCUMENT_KEY, "cannot be extended without other changes")
        return text


def _has_text(value: Any) -> bool:
    return value is not None and not isinstance(value, Mapping) and bool(str(value).strip())
