"""Environment variables in values and objects, wherever they stand and however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.checks.subject import Subject, as_list, as_mapping, get_nested
from wizard.formats.go_templates import TemplateFacts, expand_actions
from wizard.formats.nested import format_path, walk
from wizard.formats.yaml_untrusted import parse_yaml_text
from wizard.hostkeys.git_environment import find_assignments

Path = tuple[str | int, ...]

# Values that are YAML text; the chart renders them as templates.
YAML_TEXTS = ("extraEnv", "extraEnvFrom", "envFrom", "podTemplate", "data", "stringData", "patch")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+\Z")
_NAMES = re.compile(
    r"\b(?:name|envName)['\"]?\s{0,5}:\s{0,5}['\"]?(GIT(?:SYNC)?_[A-Za-z0-9_]{1,60})"
)
_INTERESTING = ("GIT_", "GITSYNC_", "AIRFLOW_")


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable; `value` is None if it cannot be read."""

    path: Path
    name: str
    value: str | None

    @property
    def place(self) -> str:
        """Return where it is written."""
        return format_path(self.path)


@dataclass(frozen=True, slots=True)
class Source:
    """An entry of `envFrom`; `variables` is None if the names in it cannot be read."""

    path: Path
    name: str
    variables: tuple[Variable, ...] | None


@dataclass(frozen=True, slots=True)
class GitValues:
    """The values of an installation, read once for all rules: their nodes and variables."""

    subject: Subject
    values: Mapping[str, Any]
    nodes: tuple[tuple[Path, object], ...]
    variables: tuple[Variable, ...]

    @property
    def path(self) -> str:
        """Return the path of the values file."""
        return self.subject.layout.values

    @property
    def facts(self) -> TemplateFacts:
        """Return what the templates in the values may refer to."""
        return list_facts(self.subject)

    def list_nodes(self, *keys: str) -> Iterator[tuple[Path, object]]:
        """Yield the nodes below keys of these names."""
        return ((path, node) for path, node in self.nodes if path and path[-1] in keys)

    def list_texts(self) -> Iterator[tuple[Path, str]]:
        """Yield all texts."""
        return ((path, node) for path, node in self.nodes if isinstance(node, str))

    def expand(self, text: object) -> tuple[str, bool]:
        """Return the text with its templates carried out, and whether they could be read."""
        return expand_actions(str(text), self.facts)


def read_git_values(subject: Subject) -> GitValues | None:
    """Return the values for the rules about Git; None without values."""
    if subject.values is None:
        return None
    nodes = tuple(walk(subject.values))
    variables = tuple(_find_in_nodes(nodes, list_facts(subject)))
    return GitValues(subject, subject.values, nodes, variables)


def list_facts(subject: Subject) -> TemplateFacts:
    """Return what the templates in the values may refer to."""
    layout = subject.layout
    return TemplateFacts(subject.values or {}, layout.release, layout.namespace)


def find_variables(
    node: object, facts: TemplateFacts | None, path: Path = ()
) -> Iterator[Variable]:
    """Yield the variables in a node: items of env lists, keys of maps, YAML text, assignments.

    With `facts`, texts are templates of Helm. Variables in a text have the place of the text.
    """
    yield from _find_in_nodes(walk(node, path), facts)


def _find_in_nodes(
    nodes: Iterable[tuple[Path, object]], facts: TemplateFacts | None
) -> Iterator[Variable]:
    for at, found in nodes:
        if isinstance(found, dict):
            yield from _find_in_mapping(found, at, facts)
        elif isinstance(found, str):
            for variable in _find_in_text(found, at, facts):
                yield Variable(at, variable.name, variable.value)


def read_env(items: object, facts: TemplateFacts | None, path: Path) -> Iterator[Variable]:
    """Yield the variables of one env list."""
    for number, item in enumerate(as_list(items)):
        if isinstance(item, Mapping):
            yield from _read_item(item, (*path, number), facts)


def read_sources(items: object, subject: Subject, path: Path) -> Iterator[Source]:
    """Yield the sources of one `envFrom` list, or of its text, with the variables they bring.

    The names in a ConfigMap or an ExternalSecret of this tree can be read; of others they cannot.
    """
    if isinstance(items, str):
        text, readable = expand_actions(items, list_facts(subject))
        items = parse_yaml_text(text) if readable else None
        if not isinstance(items, list):
            yield Source(path, "", None)
            return
    for number, item in enumerate(as_list(items)):
        at = path if path[-1] in YAML_TEXTS and path[-1] != "envFrom" else (*path, number)
        prefix = str(as_mapping(item).get("prefix") or "")
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if get_nested(item, key) is None:
                continue
            name = str(get_nested(item, key, "name") or "")
            known = read_object(kind, name, subject)
            variables = (
                None
                if known is None
                else tuple(
                    Variable(at, prefix + variable, value) for variable, value in known.items()
                )
            )
            yield Source(at, name, variables)


def read_object(kind: str, name: str, subject: Subject) -> dict[str, str | None] | None:
    """Return the data of a ConfigMap or Secret that this tree makes; a Secret's values are None."""
    if kind == "ConfigMap":
        found = [d for d in subject.objects("ConfigMap") if d.name == name]
        data: dict[str, str | None] = {}
        for document in found:
            data.update({k: str(v) for k, v in as_mapping(document.data.get("data")).items()})
        extra = get_nested(subject.values, "extraConfigMaps")
        facts = list_facts(subject)
        for title, content in as_mapping(extra).items():
            if expand_actions(str(title), facts)[0] != name:
                continue
            text, readable = expand_actions(str(as_mapping(content).get("data") or ""), facts)
            parsed = parse_yaml_text(text) if readable else None
            if not isinstance(parsed, Mapping):
                return None
            data.update({str(k): str(v) for k, v in parsed.items()})
            found = found or [*subject.documents[:1]]
        return data if found else None
    for document in subject.objects("ExternalSecret"):
        if (get_nested(document.spec, "target", "name") or document.name) != name:
            continue
        template = as_mapping(get_nested(document.spec, "target", "template", "data"))
        if template:
            return dict.fromkeys(map(str, template))
        if as_list(document.spec.get("dataFrom")):
            return None
        entries = as_list(document.spec.get("data"))
        return dict.fromkeys(str(get_nested(entry, "secretKey")) for entry in entries)
    return None


def _find_in_mapping(
    node: Mapping[str, Any], path: Path, facts: TemplateFacts | None
) -> Iterator[Variable]:
    yield from _read_item(node, path, facts)
    for key, value in node.items():
        if _CONSTANT.match(str(key)) and not isinstance(value, Mapping | list):
            yield Variable((*path, str(key)), str(key), _read_value(value, facts))


def _read_item(
    node: Mapping[str, Any], path: Path, facts: TemplateFacts | None
) -> Iterator[Variable]:
    name = node.get("name")
    if isinstance(name, str) and ("value" in node or "valueFrom" in node):
        plain = _read_value(name, facts) or name
        if node.get("valueFrom"):
            yield Variable(path, plain, None)
        else:
            yield Variable((*path, "value"), plain, _read_value(node.get("value"), facts))
    if isinstance(node.get("envName"), str):  # the chart's list `secret`
        yield Variable((*path, "envName"), str(node["envName"]), None)


def _read_value(value: object, facts: TemplateFacts | None) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None else str(value)
    if "$(" in text:
        return None  # Kubernetes puts the value of another variable there
    if facts is None or "{{" not in text:
        return text
    expanded, readable = expand_actions(text, facts)
    return expanded if readable else None


def _find_in_text(text: str, path: Path, facts: TemplateFacts | None) -> Iterator[Variable]:
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    if facts is not None and "{{" in text:
        text, _ = expand_actions(text, facts)
    named = any(name in text for name in _INTERESTING)
    if not named and key not in YAML_TEXTS:
        return
    parsed = parse_yaml_text(text) if ":" in text else None
    if isinstance(parsed, Mapping | list):
        yield from find_variables(parsed, None, path)
    elif named:
        for name in _NAMES.findall(text):
            yield Variable(path, name, None)
        for name, value in find_assignments(text):
            yield Variable(path, name, None if "$(" in value else value)
