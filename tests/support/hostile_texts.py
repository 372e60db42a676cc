"""Hostile texts for any answer, and what a refusal or a file must be like all the same."""

from __future__ import annotations

from typing import Any

import yaml
from ruamel.yaml import YAML

from wizard.formats.types import has_hidden
from wizard.plan.render import Rendering

HOSTILE = {
    "newline": "a\nb: c",
    "carriage return": "a\rb",
    "line separator": "a\u2028b",
    "control": "a\x1b[31mb",
    "NUL": "a\x00b",
    "right to left": "a\u202ebc",
    "byte order mark": "\ufeffa",
    "go template": "{{ .Values.x }}",
    "open brace": "a{{",
    "half a brace": "{",
    "shell": "$(id)`id`",
    "shell words": "a; rm -rf / #",
    "double quote": 'a"b',
    "single quote": "a'b",
    "backslash": "a\\b",
    "backslash at the end": "a\\",
    "percent": "a%(b)s",
    "yaml": "a: [b, *c, &d] # e",
    "yaml word": "no",
    "document": "--- a",
    "markdown": "a | b ``` <b>",
    "unicode": "Zoë 日本",
    "beyond the plane": "a\U0001f600",
    "spaces": " a  b ",
    "option": "-x",
    "parent": "../../etc/passwd",
    "git": ".git/hooks/a",
    "glob": "secret/*",
}
# Checking a tree takes longest: these are the texts a check could stumble over.
CHECKED = {"go template", "shell words", "double quote"}


def loaded(text: str) -> Any:
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def assert_readers_agree(made: Rendering, usual: Rendering) -> None:
    """YAML 1.1, which Kubernetes reads, and YAML 1.2 see the same in every file that is unusual."""
    known = {file.text for file in usual.tree.values()}
    for file in made.tree.values():
        if file.path.endswith(".yaml") and file.text not in known:
            assert loaded(file.text) == YAML(typ="safe", pure=True).load(file.text), file.path


def assert_says_what_to_do(message: str, text: str) -> None:
    assert len(message) > 10
    assert not has_hidden(message)
    # A short text may be part of the remedy by chance.
    assert len(text) < 5 or text not in message
