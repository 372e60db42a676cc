"""Airflow's configuration in effect: for each container, what an option is and what sets it.

Source: Airflow 3.2.2 (`AirflowConfigParser`): the variable AIRFLOW__SECTION__OPTION wins, then, for
sensitive options, its `_CMD` and `_SECRET` forms, then the same under the option's old name, then
airflow.cfg, which the chart writes from `config`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from wizard.chart.contract import FAB_AUTH_MANAGER, SENSITIVE_OPTIONS
from wizard.chart.environment import Container, list_containers
from wizard.chart.variables import Installation, Variable
from wizard.formats.nested import format_path

Option: TypeAlias = tuple[str, str]

# The component that serves the UI: the API server of Airflow 3, the webserver of Airflow 2.
WEB = "web"
# Options whose old name Airflow still reads (`deprecated_options` of Airflow 3.2.2).
_OLD_NAMES: Mapping[Option, Option] = {
    ("api", "base_url"): ("webserver", "base_url"),
    ("api", "host"): ("webserver", "web_server_host"),
    ("api", "port"): ("webserver", "web_server_port"),
    ("api", "secret_key"): ("webserver", "secret_key"),
    ("database", "sql_alchemy_conn"): ("core", "sql_alchemy_conn"),
}
_FORMS = ("_CMD", "_SECRET")


@dataclass(frozen=True, slots=True)
class Setting:
    """What an option is in one container, and what sets it.

    `value` is None if it cannot be read here. `where` is the place in the values, `origin` the
    same for a message. `variable` is the variable that sets it; None: airflow.cfg does.
    """

    value: str | None
    where: str
    origin: str
    variable: Variable | None = None

    @property
    def is_built_in(self) -> bool:
        """Return whether the chart sets it without a word in the values."""
        return self.variable.built_in if self.variable else not self.where


@dataclass(frozen=True)
class Configuration:
    """The configuration in effect of an installation."""

    installation: Installation

    @cached_property
    def containers(self) -> tuple[Container, ...]:
        """Return all containers."""
        return list_containers(self.installation)

    @cached_property
    def airflow_containers(self) -> tuple[Container, ...]:
        """Return the containers that read Airflow's configuration."""
        return tuple(one for one in self.containers if one.airflow)

    def find(self, container: Container, section: str, option: str) -> Setting | None:
        """Return what the option is in this container; None if nothing sets it."""
        names = [(section, option), *self._old_names((section, option))]
        for name in names:
            if found := self._find_variable(container, name):
                return found
        for name in names:
            if found := self.find_in_file(*name):
                return found
        return None

    def find_in_file(self, section: str, name: str) -> Setting | None:
        """Return what airflow.cfg says, which the chart writes; None if it says nothing."""
        if found := self._find_written((section, name)):
            return found
        default = self._defaults.get((section, name))
        return None if default is None else Setting(default, "", "the chart")

    def find_at(self, component: str, section: str, option: str) -> Setting | None:
        """Return what the option is in the main container of a component.

        None if nothing sets it, or if the chart does not run the component. WEB stands for the
        component that serves the UI.
        """
        if component == WEB:
            component = "api-server" if self.installation.airflow_3 else "webserver"
        found = [one for one in self.airflow_containers if one.component == component]
        # An init container, which comes first, does not get the component's own variables.
        main = next((one for one in found if one.title == component), found[0] if found else None)
        return self.find(main, section, option) if main else None

    def find_all(self, section: str, option: str) -> Iterator[tuple[Container, Setting]]:
        """Yield the containers in which something sets the option, and what it is there."""
        for container in self.airflow_containers:
            if found := self.find(container, section, option):
                yield container, found

    def list_variables(self) -> Iterator[tuple[Container, Variable]]:
        """Yield every variable of every container that the values set."""
        for container in self.airflow_containers:
            for variable in (*container.variables, *container.sources):
                if not variable.built_in:
                    yield container, variable

    def list_options(self) -> Iterator[tuple[Option, Setting]]:
        """Yield what the values set, in airflow.cfg or by a variable, each place once."""
        for section, options in _mapping(self.installation.get("config")).items():
            for key in _mapping(options):
                if found := self.find_in_file(str(section), str(key)):
                    yield (str(section).lower(), str(key).lower()), found
        known: set[tuple[str, str]] = set()
        for _, variable in self.list_variables():
            option = parse_variable(variable.name)
            if option and (variable.name, variable.origin) not in known:
                known.add((variable.name, variable.origin))
                yield option, _setting(variable)

    def rename(self, option: Option) -> Option:
        """Return the name under which Airflow reads the option now."""
        new = {old: new for new, old in _OLD_NAMES.items()} if self.installation.airflow_3 else {}
        return new.get(option, option)

    def _old_names(self, option: Option) -> tuple[Option, ...]:
        old = _OLD_NAMES.get(option)
        return (old,) if old and self.installation.airflow_3 else ()

    def _find_variable(self, container: Container, option: Option) -> Setting | None:
        name = variable_name(*option)
        if found := container.find(name):
            return _setting(found)
        for form in _FORMS if is_sensitive(option) else ():
            if found := container.find(name + form):
                return Setting(None, format_path(found.place), found.origin, found)
        return None

    def _find_written(self, option: Option) -> Setting | None:
        section, name = option
        written = _mapping(_mapping(self.installation.get("config")).get(section))
        names = (name, *((f"{name}_cmd", f"{name}_secret") if is_sensitive(option) else ()))
        for key in names:
            if key in written:
                where = format_path(("config", section, key))
                value = self.installation.expand(_text(written[key])) if key == name else None
                return Setting(value, where, where)
        return None

    @cached_property
    def _defaults(self) -> Mapping[Option, str]:
        """Return the options that the chart derives from other values, if nothing sets them."""
        one = self.installation
        remote = bool(one.get("elasticsearch.enabled") or one.get("opensearch.enabled"))
        found = {
            ("core", "executor"): one.executor,
            ("core", "dags_folder"): self.dags_folder,
            ("core", "load_examples"): "False",
            ("core", "auth_manager"): FAB_AUTH_MANAGER,
            ("logging", "remote_logging"): str(remote),
        }
        if one.airflow_3:
            found["core", "execution_api_server_url"] = self._execution_url()
        return found

    @property
    def dags_folder(self) -> str:
        """Return the folder with the DAGs that the chart derives."""
        one = self.installation
        mount = str(one.get("dags.mountPath") or f"{one.get('airflowHome')}/dags")
        synced = one.get("dags.gitSync.enabled")
        return f"{mount}/repo/{one.get('dags.gitSync.subPath')}" if synced else mount

    def _execution_url(self) -> str:
        """Return the chart's URL of the execution API: with the path of `config.api.base_url`."""
        one = self.installation
        base = self._find_written(("api", "base_url"))
        path = url_path(base.value) if base and base.value else ""
        return f"http://{one.release}-api-server:{one.get('ports.apiServer')}{path}/execution/"


def variable_name(section: str, option: str) -> str:
    """Return the variable that sets an option."""
    return f"AIRFLOW__{section.replace('.', '_').upper()}__{option.upper()}"


def parse_variable(name: str) -> Option | None:
    """Return section and option that a variable of this name sets; None for other variables."""
    prefix, _, rest = name.partition("__")
    section, found, option = rest.partition("__")
    return (section.lower(), option.lower()) if prefix == "AIRFLOW" and found else None


def is_sensitive(option: Option) -> bool:
    """Return whether Airflow reads the `_CMD` and `_SECRET` forms of this option."""
    return option in SENSITIVE_OPTIONS


def url_path(url: str) -> str:
    """Return the path of a URL without the slash at its end."""
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""


def url_host(url: str | None) -> str:
    """Return the host of a URL in lower case; "" if there is none."""
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


def _setting(variable: Variable) -> Setting:
    return Setting(variable.value, format_path(variable.place), variable.origin, variable)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "True" if value else "False"
    return "" if value is None else str(value)
