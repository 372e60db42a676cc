"""Reads the simple actions in texts that Helm renders as Go templates.

A text is readable if its result follows from the values alone: names of the release, values,
literals, and functions that write one line. Everything else (`if`, `range`, `include` of a
template of one's own, a function that writes line breaks) is not: its result could be any YAML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.formats.nested import get_value

UNREADABLE = "(unreadable)"
UNSET = "chart-default"  # a value that the values do not set: the chart's own
_CHART_TEMPLATE = re.compile(r'(?:include|template)\s+"[a-z_][\w.]*"\s+[.$]\Z')
_REFERENCE = re.compile(r"\$?\.(Values|Release|Chart)((?:\.\w+)+)\Z")
_WORD = re.compile(r'"([^"\\\n]*)"|`([^`\n]*)`')
# A part of an action; without a group, a quote or comment is not closed, or an action begins.
_PART = re.compile(
    r"\"(?:[^\"\\\n]|\\.)*+(\")?|`[^`]*+(`)?|/\*(?:[^*]|\*(?!/))*+(\*/)?|(\}\})|\{\{",
    re.DOTALL,
)
# Templates of the chart that write one line (templates/_helpers.yaml of chart 1.22.0).
_ONE_LINE_TEMPLATES = ("airflow.fullname", "airflow.name", "airflow.serviceAccountName")
_ONE_LINE: Mapping[str, Callable[[str], str]] = {
    "quote": lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"',
    "squote": lambda text: f"'{text}'",
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
    "toString": str,
}
# Whatever goes in, these functions write only these characters.
_DIGESTS = {"sha256sum": "0" * 64, "sha1sum": "0" * 40, "b64enc": "AAAA", "int": "0"}


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """What the actions may refer to: the values, and the names of the release."""

    values: Mapping[str, Any] = field(default_factory=dict)
    release: str = "airflow"
    namespace: str = "airflow"


def expand_actions(text: str, facts: TemplateFacts) -> tuple[str, bool]:
    """Return the text with its actions carried out, and whether all of them could be read.

    An action that cannot be read leaves UNREADABLE. One pass: the time grows with the text.
    """
    position, readable, trim = 0, True, False
    parts: list[str] = []
    while (start := text.find("{{", position)) >= 0:
        end = _find_end(text, start + 2)
        if end < 0:
            return "".join(parts) + text[position:], False
        body = text[start + 2 : end]
        before = text[position:start]
        before = before.lstrip() if trim else before
        if re.match(r"-\s", body):
            before, body = before.rstrip(), body[1:]
        trim = re.search(r"\s-\Z", body) is not None
        written = _evaluate((body[:-1] if trim else body).strip(), facts)
        readable = readable and written is not None
        parts += (before, UNREADABLE if written is None else written)
        position = end + 2
    parts.append(text[position:].lstrip() if trim else text[position:])
    return "".join(parts), readable


def _find_end(text: str, position: int) -> int:
    """Return where the action's closing braces are, or -1; quoted text may contain braces."""
    for match in _PART.finditer(text, position):
        if match[0] == "}}":
            return match.start()
        if match.lastindex is None:
            return -1
    return -1


def _evaluate(body: str, facts: TemplateFacts) -> str | None:
    """Return what an action writes, or None if that cannot be said or has line breaks."""
    if body.startswith("/*") and body.endswith("*/"):
        return ""
    first, *functions = _split_pipeline(body)
    text = _read_term(first, facts)
    for function in functions:
        if function in _DIGESTS:
            text = _DIGESTS[function]
        elif text is not None and function in _ONE_LINE:
            text = _ONE_LINE[function](text)
        else:
            return None
    return None if text is None or "\n" in text or "\r" in text else text


def _split_pipeline(body: str) -> list[str]:
    parts, start = [], 0
    for match in re.finditer(r"(?s)\"(?:[^\"\\]|\\.)*+\"?|`[^`]*+`?|\|", body):
        if match[0] == "|":
            parts.append(body[start : match.start()].strip())
            start = match.end()
    return [*parts, body[start:].strip()]


def _read_term(term: str, facts: TemplateFacts) -> str | None:
    word = _WORD.fullmatch(term)
    if word is not None:
        return word[1] if word[1] is not None else word[2]
    if _CHART_TEMPLATE.match(term):
        named = _WORD.search(term)
        return facts.release if named and named[1] in _ONE_LINE_TEMPLATES else None
    match = _REFERENCE.match(term)
    if match is None:
        return None
    path = tuple(match[2][1:].split("."))
    if match[1] == "Chart":
        return UNSET
    if match[1] == "Release":
        known = {"Name": facts.release, "Namespace": facts.namespace, "Service": "Helm"}
        return known.get(path[0]) if len(path) == 1 else None
    value = get_value(facts.values, path, UNSET)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
