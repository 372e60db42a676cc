"""Helm values from several places: how Helm merges them, and which place set which value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from wizard.formats.helm_set import HelmSetError, update_set
from wizard.formats.nested import format_path, walk
from wizard.formats.yaml_untrusted import parse_yaml, parse_yaml_text

# Returns the bytes of a file of the repository by its path; None if there is no such file.
Read = Callable[[str], bytes | None]
Convert = Callable[[str], Any]

ENCRYPTED = "this file is encrypted, and the values in it cannot be seen here"
_ABSENT = "this value file is not in this repository"
_NOT_MAPPING = "this value file is not one YAML mapping"
_ACTION = re.compile(r"\{\{[^{}]*\}\}")


class Fault(NamedTuple):
    """Something that cannot be read here: a place in a file, and a sentence."""

    path: str
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Layer:
    """One place that sets Helm values: a value file (`where` is empty), or part of a document.

    `nested`: a key of the values has its own place below `where`. A parameter has only one place.
    `number` counts the documents of the file from 0.
    """

    path: str
    where: str
    values: Mapping[str, Any]
    nested: bool = True
    number: int = 0

    def place(self, dotted: str) -> str:
        """Return the place of a key of these values in the file."""
        parts = (self.where, dotted if self.nested else "")
        return number_place(self.number, ".".join(part for part in parts if part))


@dataclass(slots=True)
class EffectiveValues:
    """The merged values, the layers that they come from, and what could not be read.

    `faults` hide values that count. `unresolved` are values that are known only when the tool
    runs, such as a variable of a generator; the rest of the values is complete. `files` are the
    value files that were found, whether they could be read or not.
    """

    values: dict[str, Any] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unresolved: list[Fault] = field(default_factory=list)
    files: set[str] = field(default_factory=set)


def number_place(number: int, where: str) -> str:
    """Return a place in a document, with the document's number unless it is the first."""
    if not number:
        return where
    return f"document {number + 1}{': ' if where else ''}{where}"


def merge_values(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return two sets of Helm values merged as Helm merges value files: mappings key by key.

    A null stays: it removes the chart's default.
    """
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = merge_values(below, value) if both else value  # type: ignore[arg-type]
    return merged


class Collector:
    """Collects the values of one release, in the order in which Helm gets them.

    `path` and `number` are the declaring document. `variable` matches a text in it that its tool
    replaces at run time, and `what` names such a text.
    """

    def __init__(
        self,
        path: str,
        read: Read,
        *,
        number: int = 0,
        variable: re.Pattern[str] | None = None,
        what: str = "a variable",
    ) -> None:
        self.path, self.read, self.number = path, read, number
        self.variable, self.what = variable, what
        self.result = EffectiveValues()
        self._copied = False

    def report(self, where: str, message: str, path: str = "") -> None:
        """Record that something cannot be read, in the declaring document or another file."""
        place = where if path else number_place(self.number, where)
        self.result.faults.append(Fault(path or self.path, place, message))

    def is_variable(self, text: str, where: str) -> bool:
        """Return whether a text is known at run time only; if so, record it."""
        if self.variable is None or not self.variable.search(text):
            return False
        self.report(where, f"{self.what} decides it when the tool runs")
        return True

    def add(self, layer: Layer) -> None:
        """Add a mapping of values."""
        self.result.values = merge_values(self.result.values, layer.values)
        self._copied = False
        self.result.layers.append(layer)

    def add_mapping(self, where: str, values: Mapping[str, Any]) -> None:
        """Add values that the declaring document holds itself."""
        layer = Layer(self.path, where, values, number=self.number)
        self._record_variables(layer)
        self.add(layer)

    def add_text(self, where: str, text: str) -> None:
        """Add values that the declaring document holds as the text of a YAML mapping."""
        hidden: list[str] = []
        if self.variable is not None and "{{" in text:
            # Not quoted, a variable would read as a YAML mapping.
            text = _ACTION.sub(lambda match: _hide(match[0], hidden), text)
        values = parse_yaml_text(text)
        if isinstance(values, Mapping):
            self.add_mapping(where, _show(values, hidden))
        elif hidden:
            self.report(where, f"{self.what} decides more than single values in this text")
        elif values is not None or text.strip():
            self.report(where, "not the text of one YAML mapping")

    def add_file(self, path: str, where: str, *, optional: bool = False) -> None:
        """Add a value file of the repository, which the declaring document names at `where`."""
        data = self.read(path) if path else None
        if data is None:
            if not optional:
                self.report(where, _ABSENT)
            return
        self.result.files.add(path)
        documents, _ = parse_yaml(path, data)
        first = documents[0] if len(documents) == 1 else None
        if isinstance(first, Mapping):
            if is_encrypted(first):
                self.report("", ENCRYPTED, path)
            else:
                self.add(Layer(path, "", first))
        elif documents == [] and b"{{" in data:
            self.report(where, "this value file is a template, and no YAML before its tool runs")
        elif documents not in ([], [None]) or data.strip():
            self.report(where, _NOT_MAPPING)

    def set(self, where: str, line: str, convert: Convert | None = None) -> None:
        """Apply one line of `--set`; with `convert`, of `--set-string` or `--set-file`."""
        if self.is_variable(line.partition("=")[0], where):
            return
        try:
            alone: dict[str, Any] = {}
            update_set(alone, line, convert)
            if not self._copied:
                # The layers keep what they set; the lines change a copy.
                self.result.values, self._copied = deepcopy(self.result.values), True
            update_set(self.result.values, line, convert)
        except HelmSetError as error:
            self.report(where, f"Helm cannot set this parameter: {error}")
            return
        layer = Layer(self.path, where, alone, nested=False, number=self.number)
        self._record_variables(layer)
        self.result.layers.append(layer)

    def set_content(self, where: str, name: str, path: str) -> None:
        """Set a value to the content of a file of the repository (`--set-file`)."""
        data = self.read(path) if path else None
        if data is None:
            self.report(where, "this file is not in this repository")
            return
        content = data.decode("utf-8", "replace")
        # The path is the value here; the content must not be read as part of the line.
        self.set(where, f"{name}=path", lambda _path: content)

    def _record_variables(self, layer: Layer) -> None:
        if self.variable is None:
            return
        for path, value in walk(layer.values):
            if isinstance(value, str) and self.variable.search(value):
                place = layer.place(format_path(path))
                message = f"{self.what} decides it when the tool runs"
                self.result.unresolved.append(Fault(layer.path, place, message))

    def select(self, name: str, dropped: tuple[str, ...] = ()) -> EffectiveValues:
        """Return what a chart gets that is the dependency `name` of the release's chart.

        `dropped` are its keys that are for Helm, such as the condition of the dependency.
        """
        if not name:
            return self.result
        found = self.result
        layers = []
        for layer in found.layers:
            inner = layer.values.get(name)
            if isinstance(inner, Mapping):
                parts = (layer.where, format_path([name]) if layer.nested else "")
                where = ".".join(part for part in parts if part)
                kept = {key: value for key, value in inner.items() if key not in dropped}
                layers.append(replace(layer, where=where, values=kept))
        values = found.values.get(name)
        values = values if isinstance(values, Mapping) else {}
        kept = {key: value for key, value in values.items() if key not in dropped}
        return EffectiveValues(kept, layers, found.faults, found.unresolved, found.files)


def is_encrypted(values: Mapping[str, Any]) -> bool:
    """Return whether SOPS encrypted a file: it adds its own metadata under `sops`."""
    sops = values.get("sops")
    return isinstance(sops, Mapping) and ("mac" in sops or "lastmodified" in sops)


def _hide(text: str, hidden: list[str]) -> str:
    hidden.append(text)
    return f"variable-{len(hidden) - 1}-of-the-generator"


def _show(node: Any, hidden: list[str]) -> Any:
    """Return values with the variables' own text again."""
    if isinstance(node, Mapping):
        return {_show(key, hidden): _show(value, hidden) for key, value in node.items()}
    if isinstance(node, list):
        return [_show(item, hidden) for item in node]
    if isinstance(node, str):
        for number, text in enumerate(hidden):
            node = node.replace(f"variable-{number}-of-the-generator", text)
    return node


def list_mappings(value: object) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the mappings in a list, with their indexes; nothing if it is no list."""
    for number, item in enumerate(value if isinstance(value, list) else []):
        if isinstance(item, Mapping):
            yield number, item
