"""Reads environment variables from the Helm values, as the chart renders them.

Source: chart 1.22.0 (`custom_airflow_environment`, `container_extra_envs`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from wizard.chart.contract import get_chart_value
from wizard.formats.go_templates import TemplateFacts, expand_actions
from wizard.formats.nested import format_path

Path: TypeAlias = tuple[str | int, ...]
# Returns the variables that `envFrom` takes from a ConfigMap or Secret, by kind and name; a value
# of None is not known. Returns None if the names are not known either.
ReadSource: TypeAlias = Callable[[str, str], Mapping[str, str | None] | None]


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a container.

    `value` is None if it cannot be read here: it comes from a Secret, or from a template. `place`
    is the value that sets it; for a variable of the chart, the value that it follows (may be
    empty). `secret` and `key` name the Secret that it comes from.
    """

    name: str
    value: str | None
    place: Path = ()
    secret: str = ""
    key: str = ""
    built_in: bool = False

    @property
    def origin(self) -> str:
        """Return what sets the variable, for a message."""
        where = format_path(self.place)
        if not self.built_in:
            return where
        return f"the chart ({where})" if where else "the chart"


@dataclass(frozen=True, slots=True)
class Installation:
    """What the environments depend on: the values in effect, the versions, the release.

    `read_source` knows the ConfigMaps and Secrets around the values.
    """

    values: Mapping[str, Any]
    airflow: tuple[int, int, int]
    chart: str = ""
    release: str = "airflow"
    namespace: str = "airflow"
    read_source: ReadSource = field(default=lambda _kind, _name: None)

    @property
    def airflow_3(self) -> bool:
        """Return whether Airflow 3 is installed."""
        return self.airflow >= (3, 0, 0)

    @property
    def executor(self) -> str:
        """Return the executors as the chart writes them."""
        return str(get_chart_value(self.values, "executor"))

    def get(self, dotted: str) -> Any:
        """Return a value, or the chart's default for it."""
        return get_chart_value(self.values, dotted)

    def expand(self, text: str) -> str | None:
        """Return a text with its templates carried out; None if they cannot be read."""
        if "{{" not in text:
            return text
        facts = TemplateFacts(self.values, self.release, self.namespace)
        expanded, readable = expand_actions(text, facts)
        return expanded if readable else None


@dataclass(slots=True)
class Read:
    """Variables that were read from the values, and the places that cannot be read."""

    variables: list[Variable] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads lists of variables from the values of an installation."""

    one: Installation

    def read_custom(self) -> Read:
        """Read `env`, `secret` and `extraEnv`, which every Airflow container gets."""
        found = self.read_list(("env",))
        listed = self.one.get("secret")
        for number, item in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(item, Mapping) and isinstance(item.get("envName"), str):
                secret, key = str(item.get("secretName")), str(item.get("secretKey") or "value")
                at = ("secret", number)
                found.variables.append(Variable(item["envName"], None, at, secret, key))
        extra = self._text(("extraEnv",), self._read_items)
        return Read([*found.variables, *extra.variables], [*found.unreadable, *extra.unreadable])

    def read_sources(self) -> Read:
        """Read `extraEnvFrom`; its variables lose against those of any list."""
        return self._text(("extraEnvFrom",), self._read_references)

    def _text(self, at: Path, read: Callable[[list[Any], Path], Read]) -> Read:
        """Read a list that is written as text and rendered as a template."""
        text = self.one.get(format_path(at))
        if not text:
            return Read()
        expanded = self.one.expand(text) if isinstance(text, str) else None
        # A plan without changes reads no such text, and does not need the parser.
        from wizard.formats.yaml_untrusted import parse_yaml_text

        items = None if expanded is None else parse_yaml_text(expanded)
        if not isinstance(items, list):
            return Read() if expanded is not None and items is None else Read([], [at])
        found = read(items, at)
        # A place inside of the text would look like one in the values.
        return Read([_at(one, at) for one in found.variables], found.unreadable)

    def read_list(self, at: Path, *, templates: bool = False) -> Read:
        """Read a list of the values; `templates`: the chart renders its texts as templates."""
        items = get_node(self.one.values, at)
        if not items:
            return Read()
        if not isinstance(items, list):
            return Read([], [at])
        return self._read_items(items, at, templates=templates)

    def read_container(self, container: Mapping[str, Any], at: Path) -> tuple[Read, Read]:
        """Read `env` and `envFrom` of a container in a text, which is at this place."""
        env, sources = container.get("env"), container.get("envFrom")
        found = self._read_items(env if isinstance(env, list) else [], at)
        own = Read([_at(one, at) for one in found.variables], found.unreadable)
        return own, self._read_references(sources if isinstance(sources, list) else [], at)

    def _read_items(self, items: list[Any], at: Path, *, templates: bool = False) -> Read:
        found = Read()
        for number, item in enumerate(items):
            if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
                continue
            name, value = item["name"], item.get("value")
            place = (*at, number)
            if item.get("valueFrom"):
                secret, key = _secret_key(item["valueFrom"])
                found.variables.append(Variable(name, None, place, secret, key))
                continue
            text = _text_of(value)
            known = self.one.expand(text) if templates else text
            # Kubernetes puts the value of another variable there.
            known = None if known is not None and "$(" in known else known
            found.variables.append(Variable(name, known, place))
        return found

    def _read_references(self, items: list[Any], at: Path) -> Read:
        found = Read()
        for item in items:
            for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                reference = item.get(key) if isinstance(item, Mapping) else None
                if not isinstance(reference, Mapping):
                    continue
                name, prefix = str(reference.get("name")), str(item.get("prefix") or "")
                variables = self.one.read_source(kind, name)
                if variables is None:
                    found.unreadable.append(at)
                for variable, value in (variables or {}).items():
                    secret = name if kind == "Secret" else ""
                    found.variables.append(Variable(prefix + variable, value, at, secret))
        return found


def _at(variable: Variable, place: Path) -> Variable:
    return Variable(variable.name, variable.value, place, variable.secret, variable.key)


def get_node(values: object, path: Path) -> Any:
    """Return the value at a path of keys and list indexes, or None."""
    for part in path:
        if isinstance(part, int):
            values = values[part] if isinstance(values, list) and part < len(values) else None
        else:
            values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _secret_key(source: object) -> tuple[str, str]:
    reference = get_node(source, ("secretKeyRef",))
    if not isinstance(reference, Mapping):
        return "", ""
    return str(reference.get("name") or ""), str(reference.get("key") or "")


def _text_of(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
