"""Reads YAML from any author: limits size and aliases, and reports duplicate keys.

Text from yaml_writer is recognised and read fast. In any other text, scalars are read as YAML 1.2,
and a finding says where a YAML 1.1 reader (go-yaml in Helm and Argo CD) would read a different
value. ruamel composes the nodes, and this module converts them, so that expanded aliases are
counted and no tag runs code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from wizard.errors import Fix
from wizard.findings import Finding
from wizard.formats.git_markers import RESOLVE, UNRESOLVED, find_git_marker
from wizard.formats.nested import TaggedText, format_path
from wizard.formats.yaml_fast_reader import ForeignYamlError, load_own_yaml

SIZE_LIMIT = 2 * 1024 * 1024
NODE_LIMIT = 200_000
DEPTH_LIMIT = 100
_MAX_DIGITS = 1000

# Plain scalars that are booleans, numbers or times in YAML 1.1, but text or a different number in
# YAML 1.2 (https://yaml.org/type/).
_AMBIGUOUS = re.compile(
    r"(?:[yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF"
    r"|[-+]?0[0-7_]+|0o[0-7]+|[-+]?0b[01_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?[0-9]+_[0-9_]*)\Z"
).match
_TAG = "tag:yaml.org,2002:"

Path = tuple[str | int, ...]


def parse_yaml(path: str, data: bytes) -> tuple[list[Any], list[Finding]]:
    """Return the documents of one YAML (or JSON) file, and findings about its text.

    For an unreadable file, there are no documents and one more finding; nothing is raised. Findings
    name places, never the text in them.
    """
    reader = _Reader(path)
    documents = list(reader.read(data))
    return ([] if reader.broken else documents), reader.findings


def compose_yaml(data: bytes) -> tuple[list[Any], list[Any], list[Finding]]:
    """Return the documents of a YAML file, their nodes, and findings, as `parse_yaml` does.

    The nodes have the positions in the text.
    """
    reader = _Reader("", whole=True)
    documents = list(reader.read(data))
    return ([] if reader.broken else documents), reader.nodes, reader.findings


def parse_yaml_text(text: str) -> Any:
    """Return the YAML document in a value such as `extraEnvFrom`; None if it is not readable."""
    documents, findings = parse_yaml("", text.encode("utf-8", "replace"))
    broken = any(finding.severity == "error" for finding in findings)
    return documents[0] if len(documents) == 1 and not broken else None


class _LimitError(Exception):
    """A document that expands beyond the limits."""


class _Reader:
    def __init__(self, path: str, *, whole: bool = False) -> None:
        self.path = path
        self.whole = whole
        self.nodes: list[Any] = []
        self.findings: list[Finding] = []
        self.broken = False
        self.count = 0
        self.number = 0

    def read(self, data: bytes) -> Iterator[Any]:
        """Yield the documents; stop at the first problem that makes the file unreadable."""
        if len(data) > SIZE_LIMIT:
            self.report("yaml.too-large", "", f"the file has {len(data):,} bytes", "split the file")
            return
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            self.report("yaml.not-utf8", f"byte {error.start}", "not UTF-8", "save it as UTF-8")
            return
        try:
            if self.whole:
                raise ForeignYamlError
            yield load_own_yaml(text)
        except ForeignYamlError:
            yield from self.convert_all(text)

    def convert_all(self, text: str) -> Iterator[Any]:
        """Yield every document of the text."""
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        try:
            for number, node in enumerate(YAML(typ="safe", pure=True).compose_all(text)):
                self.number = number
                if node is not None:
                    self.nodes.append(node)
                    yield self.convert(node, ())
        except MarkedYAMLError as error:
            marker = find_git_marker(text.encode())
            number = marker or (error.problem_mark.line + 1 if error.problem_mark else 0)
            message = f"not valid YAML: it {UNRESOLVED}" if marker else "not valid YAML"
            fix = RESOLVE if marker else "correct the syntax"
            self.report("yaml.syntax", f"line {number}" if number else "", message, fix)
        except (YAMLError, ValueError):
            self.report("yaml.syntax", "", "not valid YAML", "correct the syntax")
        except RecursionError:
            self.report("yaml.too-deep", "", "nested too deeply", "flatten the document")
        except _LimitError:
            fix = "repeat the shared parts without aliases, or split the file"
            self.report("yaml.too-large", "", "too many or too deeply nested nodes", fix)

    def convert(self, node: Any, path: Path) -> Any:
        """Return a node as plain data; an alias counts as much as the node it refers to."""
        self.count += 1
        if self.count > NODE_LIMIT or len(path) > DEPTH_LIMIT:
            raise _LimitError
        kind = node.id
        if kind == "scalar":
            return self.scalar(node, path)
        if kind == "sequence":
            items = [self.convert(item, (*path, at)) for at, item in enumerate(node.value)]
            if not str(node.tag).startswith("!"):
                return items
            return [TaggedText(item) if isinstance(item, str) else item for item in items]
        return self.mapping(node, path)

    def mapping(self, node: Any, path: Path) -> dict[str, Any]:
        """Return a mapping with expanded merge keys; explicit keys override merged ones."""
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.id != "scalar":
                self.report("yaml.key", format_path(path), "a key is not text", "write a plain key")
                continue
            key = str(key_node.value)
            if key == "<<" and key_node.style is None:
                merged.update(self.merge(value_node, path))
                continue
            if not isinstance(self.scalar(key_node, (*path, key)), str):
                self.ambiguous_key((*path, key), key_node)
            if key in found:
                where = format_path((*path, key))
                self.report("yaml.duplicate-key", where, "the key occurs twice", "keep one of them")
            found[key] = self.convert(value_node, (*path, key))
        return {**merged, **found}

    def merge(self, node: Any, path: Path) -> dict[str, Any]:
        """Return the content of `<<`: one mapping, or a list of mappings; the first value wins."""
        found: dict[str, Any] = {}
        for part in reversed(node.value) if node.id == "sequence" else [node]:
            value = self.convert(part, (*path, "<<"))
            if isinstance(value, dict):
                found.update(value)
        return found

    def scalar(self, node: Any, path: Path) -> Any:
        """Return a scalar by YAML 1.2's core schema; dates and unknown tags stay text."""
        text = str(node.value)
        if str(node.tag).startswith("!"):
            return TaggedText(text)
        if node.style is not None:
            return text
        if _AMBIGUOUS(text):
            fix = "put it in quotes, or write the intended value unambiguously"
            message = "plain text with different values in YAML 1.1 and 1.2"
            self.report("yaml.ambiguous", format_path(path), message, fix, "warning")
        tag = str(node.tag).removeprefix(_TAG)
        try:
            return _number(text, tag) if tag in ("int", "float") else _WORDS[tag](text)
        except (KeyError, ValueError):
            return text

    def ambiguous_key(self, path: Path, node: Any) -> None:
        """Report a key that some readers take for a number, a boolean or null."""
        if not _AMBIGUOUS(str(node.value)):
            message = "a key that some readers take for a number, a boolean or null"
            self.report("yaml.ambiguous", format_path(path), message, "put it in quotes", "warning")

    def report(
        self, rule: str, where: str, message: str, fix: str, severity: Any = "error"
    ) -> None:
        """Add a finding; after a problem of syntax or size, the rest of the file is not read."""
        if rule in ("yaml.syntax", "yaml.too-large", "yaml.too-deep", "yaml.not-utf8"):
            self.broken = True
        if self.number and not where.startswith("line"):
            where = f"document {self.number + 1}: {where}"
        self.findings.append(Finding(rule, severity, self.path, where, message, Fix(fix)))


_WORDS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
}


def _number(text: str, tag: str) -> int | float:
    plain = text.replace("_", "").lower()
    if tag == "int":
        digits = plain.lstrip("+-")
        if len(plain) > _MAX_DIGITS:
            raise ValueError("too large a number for any reader")
        return int(plain, 0) if digits[:2] in ("0x", "0o", "0b") else int(plain)
    if plain.endswith(("inf", "nan")):
        plain = plain.replace(".", "")
    return float(plain)
