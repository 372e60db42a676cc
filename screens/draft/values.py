"""Convert answers to field text and back; unreadable text stays text for validation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from wizard.answers.files import parse_value
from wizard.answers.questions import FieldSpec
from wizard.errors import AnswersError

SECRET_KINDS = {
    "env": "environment",
    "file": "file",
    "prompt": "prompt",
    "generate": "generate",
    "store": "in the store",
}
KINDS_WITH_ARGUMENT = ("env", "file")


def to_text(item: FieldSpec, value: object) -> str:
    """Return the answer as one line of text."""
    if isinstance(value, str):
        return value
    if value is None or value == {} or value == []:
        return ""
    if item.kind == "mapping" and isinstance(value, Mapping):
        pairs = [f"{name}={text}" for name, text in value.items()]
        if from_text(item, ", ".join(pairs)) == value:
            return ", ".join(pairs)
    if isinstance(value, (Mapping, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def from_text(item: FieldSpec, text: str) -> object:
    """Return the typed answer; the text itself if it does not fit the question's kind."""
    if item.kind == "int":
        return int(text) if re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text) else text
    if item.kind in {"mapping", "list"}:
        if not text.strip():
            return {} if item.kind == "mapping" else []
        try:
            return parse_value(item, text)
        except AnswersError:
            return text
    return text


def secret_parts(value: object) -> tuple[str, str]:
    """Return kind and argument of a secret reference; `env` and no argument for other values."""
    if isinstance(value, Mapping):
        for kind in SECRET_KINDS:
            if kind in value:
                argument = value[kind]
                return kind, argument if isinstance(argument, str) else ""
    return "env", ""


def secret_value(kind: str, argument: str, before: object) -> dict[str, object]:
    """Return a reference; keeps public entries of `before`, such as a public key."""
    public = {}
    if isinstance(before, Mapping):
        public = {str(name): text for name, text in before.items() if name not in SECRET_KINDS}
    return {kind: argument if kind in KINDS_WITH_ARGUMENT else True, **public}
