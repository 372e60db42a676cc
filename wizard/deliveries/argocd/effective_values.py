"""The Helm values that an Application's chart gets: value files, inline values and parameters.

Source: Argo CD 3.5 (docs/user-guide/helm.md, util/helm/cmd.go, ApplicationSourceHelm). Argo CD
gives the value files to Helm in order, then `valuesObject`, or `values` if there is no object. The
parameters are `--set` and `--set-string`, the file parameters `--set-file`. Helm applies
`--set-string` after `--set`, and `--set-file` last.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from wizard.formats.helm_set import HelmSetError, update_set
from wizard.formats.yaml_untrusted import parse_yaml, parse_yaml_text

# Returns the bytes of a file of the repository by its path; None if there is no such file.
Read = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Layer:
    """One place that sets Helm values: a value file (`where` is empty), or part of a source.

    `nested`: a key of the values has its own place below `where`. A parameter has only one place.
    """

    path: str
    where: str
    values: Mapping[str, Any]
    nested: bool = True


@dataclass(slots=True)
class EffectiveValues:
    """The merged values, the layers that they come from, and what could not be read.

    `faults` are pairs of a place in the Application and a sentence.
    """

    values: dict[str, Any] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)


def list_sources(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield an Application's sources with their places; as in Argo CD, `sources` wins."""
    many = spec.get("sources")
    many = many if isinstance(many, list) else []
    for number, source in enumerate(many):
        yield f"spec.sources[{number}]", _mapping(source)
    if not many and spec.get("source") is not None:
        yield "spec.source", _mapping(spec.get("source"))


def compute_effective_values(
    path: str, spec: Mapping[str, Any], where: str, source: Mapping[str, Any], read: Read
) -> EffectiveValues:
    """Return the values of one source of the Application in file `path`.

    `where` is the place of the source. `read` gets a path as the Application names it, from the
    top of the repository.
    """
    return _Reading(path, spec, f"{where}.helm", _mapping(source.get("helm")), read).result


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


class _Reading:
    def __init__(
        self, path: str, spec: Mapping[str, Any], where: str, helm: Mapping[str, Any], read: Read
    ) -> None:
        self.path, self.where, self.helm, self.read = path, where, helm, read
        self.refs = {str(source["ref"]) for _, source in list_sources(spec) if source.get("ref")}
        self.result = EffectiveValues()
        self._value_files()
        self._inline()
        self._parameters()

    def _fault(self, where: str, message: str) -> None:
        self.result.faults.append((f"{self.where}.{where}", message))

    def _add(self, path: str, where: str, values: Mapping[str, Any]) -> None:
        self.result.values = merge_values(self.result.values, values)
        self.result.layers.append(Layer(path, where, values))

    def _value_files(self) -> None:
        for number, name in enumerate(_list(self.helm.get("valueFiles"))):
            where = f"valueFiles[{number}]"
            path = self._path(str(name))
            data = self.read(path) if path else None
            if data is None:
                self._fault(where, "this value file is not in this repository")
                continue
            documents, _ = parse_yaml(path, data)
            if len(documents) == 1 and isinstance(documents[0], Mapping):
                self._add(path, "", documents[0])
            elif documents not in ([], [None]):
                self._fault(where, "this value file is not one YAML mapping")

    def _path(self, name: str) -> str:
        """Return the path of `$ref/path`; "" for any other form."""
        if not name.startswith("$"):
            return ""
        ref, _, path = name[1:].partition("/")
        return posixpath.normpath(path) if ref in self.refs and path else ""

    def _inline(self) -> None:
        given = self.helm.get("valuesObject")
        if given is not None:
            if isinstance(given, Mapping):
                self._add(self.path, f"{self.where}.valuesObject", given)
            else:
                self._fault("valuesObject", "not a mapping")
            return
        text = self.helm.get("values")
        if text in (None, ""):
            return
        values = parse_yaml_text(text) if isinstance(text, str) else None
        if isinstance(values, Mapping):
            self._add(self.path, f"{self.where}.values", values)
        else:
            self._fault("values", "not the text of one YAML mapping")

    def _parameters(self) -> None:
        # The layers keep what they set; the parameters change a copy.
        self.result.values = deepcopy(self.result.values)
        given = list(enumerate(_list(self.helm.get("parameters"))))
        for texts in (False, True):
            for number, item in given:
                parameter = _mapping(item)
                if bool(parameter.get("forceString")) is texts:
                    line = (
                        f"{_text(parameter.get('name'))}={_escape(_text(parameter.get('value')))}"
                    )
                    self._set(f"parameters[{number}]", line, str if texts else None)
        for number, item in enumerate(_list(self.helm.get("fileParameters"))):
            parameter, where = _mapping(item), f"fileParameters[{number}]"
            path = self._path(_text(parameter.get("path")))
            data = self.read(path) if path else None
            if data is None:
                self._fault(where, "this file is not in this repository")
                continue
            # The path is the value here; its content must not be read as part of the line.
            content = partial(_constant, data.decode("utf-8", "replace"))
            self._set(where, f"{_text(parameter.get('name'))}=path", content)

    def _set(self, where: str, line: str, convert: Callable[[str], Any] | None) -> None:
        try:
            alone: dict[str, Any] = {}
            update_set(alone, line, convert)
            update_set(self.result.values, line, convert)
        except HelmSetError as error:
            self._fault(where, f"Helm cannot set this parameter: {error}")
            return
        self.result.layers.append(Layer(self.path, f"{self.where}.{where}", alone, nested=False))


def _escape(value: str) -> str:
    """Return a parameter's value as Argo CD gives it to `--set`: commas escaped, lists not."""
    if value.startswith("{") and value.endswith("}"):
        return value
    found, before = [], ""
    for letter in value:
        found.append("\\," if letter == "," and before != "\\" else letter)
        before = letter
    return "".join(found)


def _constant(content: str, _path: str) -> str:
    return content


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
