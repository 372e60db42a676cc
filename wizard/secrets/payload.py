"""What a store holds for an installation: read by fact, and filled without touching the rest.

Two layouts. `keys`: one key a fact. `document`: one YAML document under `config`, where nested
places are read by dots (document 000); new strings are double-quoted, so that no reader takes one
for something else, and what a person wrote beside them stays, comments included. Nothing here
repeats a value in a message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from wizard.errors import AnswersError, ConflictError, RefusedError
from wizard.formats.nested import put_value
from wizard.formats.yaml_reader import read_mapping
from wizard.secrets.facts import Fact, SecretSpec
from wizard.secrets.generation import find_form_problem

DOCUMENT_KEY = "config"
_YAML_WIDTH = 1 << 20


def collect_facts(secrets: Sequence[SecretSpec]) -> tuple[Fact, ...]:
    """Every fact that the Secrets are composed of, each once, in order of first use."""
    found: dict[str, Fact] = {}
    for secret in secrets:
        for fact in secret.facts:
            found.setdefault(fact.key, fact)
    return tuple(found.values())


@dataclass(frozen=True)
class Payload:
    """The whole data at the store's path. `name` is the path as people know it."""

    name: str
    document: bool
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def get(self, fact: Fact) -> str | None:
        """The value of a fact; None where the store has none.

        Raises RefusedError where something stands in its place that cannot be it.
        """
        if self.document:
            value: Any = self._read_document()
            parts = fact.place.split(".")
            for number, part in enumerate(parts):
                if value is not None and not isinstance(value, Mapping):
                    raise self._refusal_error(".".join(parts[:number]), "is no mapping")
                value = None if value is None else value.get(part)
        else:
            value = self.data.get(fact.key)
        if value is None:
            return None
        place = fact.place if self.document else fact.key
        if not isinstance(value, str):
            raise self._refusal_error(place, "is no text; quote it")
        if problem := find_form_problem(fact.form, value):
            raise self._refusal_error(place, problem)
        return value

    def missing(self, facts: Sequence[Fact]) -> tuple[Fact, ...]:
        """The facts that the store has no value of."""
        return tuple(fact for fact in facts if self.get(fact) is None)

    def filled(self, values: Mapping[Fact, str]) -> dict[str, Any]:
        """The data to write: all that stands there, and these values."""
        for fact in values:
            if self.get(fact) is not None:
                raise ConflictError(f"{self.name}: {fact.key} stands there already")
        if not self.document:
            return {**self.data, **{fact.key: value for fact, value in values.items()}}
        text = self._write_document({fact.place: value for fact, value in values.items()})
        return {**self.data, DOCUMENT_KEY: text}

    def _refusal_error(self, place: str, problem: str) -> RefusedError:
        return RefusedError(
            f"{self.name}: {place} {problem}",
            "put it right, or delete it there, then run this again: what stands in the store is "
            "never overwritten",
        )

    @property
    def _text(self) -> str:
        text = self.data.get(DOCUMENT_KEY)
        if text is not None and not isinstance(text, str):
            raise self._refusal_error(DOCUMENT_KEY, "is no YAML document")
        return text or ""

    def _read_document(self) -> Mapping[str, Any]:
        try:
            return read_mapping(self._text, DOCUMENT_KEY)
        except AnswersError as error:
            # The reader names line and column, and never quotes.
            raise self._refusal_error("", error.message) from None

    def _write_document(self, values: Mapping[str, str]) -> str:
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
            raise self._refusal_error(DOCUMENT_KEY, "cannot be added to without changing it")
        return text
