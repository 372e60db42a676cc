"""Where Airflow connects to by its configuration in effect: from URLs, hosts and ports in it.

What a Secret holds is not known here, and neither are connections in the database: the answer
`environment.egress` names their ports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from wizard.chart.configuration import Configuration, Option, parse_variable
from wizard.chart.environment import TASK_POD, Container
from wizard.formats.addresses import is_loopback

_URL = re.compile(
    r"\b([a-z][a-z0-9+.-]{0,30})://(?:[^@/\s\"']{0,300}@)?(\[[0-9a-f:]+\]|[\w.-]+)(?::(\d{1,5}))?",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+):(\d{1,5})\Z")
# A connection as JSON: its host and port.
_JSON_HOST = re.compile(r"\"host\"\s*:\s*\"([\w.-]+)\"")
_JSON_PORT = re.compile(r"\"port\"\s*:\s*\"?(\d{1,5})")
_PORTS = {
    "amqp": 5672, "amqps": 5671, "ftp": 21, "http": 80, "https": 443, "ldap": 389, "ldaps": 636,
    "mongodb": 27017, "mssql": 1433, "mysql": 3306, "oracle": 1521, "postgres": 5432,
    "postgresql": 5432, "redis": 6379, "rediss": 6379, "sftp": 22, "smtp": 25, "ssh": 22,
}  # fmt: skip
# URLs at which others reach Airflow.
_OWN: frozenset[Option] = frozenset(
    [
        ("api", "base_url"),
        ("webserver", "base_url"),
        ("api", "access_control_allow_origins"),
        ("core", "execution_api_server_url"),
        # Questions own these addresses, and their Secrets are composed from them.
        ("celery", "broker_url"),
        ("celery", "result_backend"),
        ("database", "sql_alchemy_conn"),
        ("database", "sql_alchemy_conn_async"),
        ("dag_processor", "dag_bundle_config_list"),
    ]
)
_OWN_VARIABLES = ("AIRFLOW_CONN_AIRFLOW_DB",)
_ELASTICSEARCH_PORT = 9200
# The ending of a host that is not known (RFC 2606).
_UNKNOWN = ".invalid"
# Jobs, which need not get the variables that all others get.
_WITHOUT_COMMON = {
    "airflow-cleanup-pods", "create-user-job", "database-cleanup", "run-airflow-migrations",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Connection:
    """An address that Airflow connects to, and what names it.

    `host` is empty if only the pod knows it: from a field of its own, or from a Secret.
    `components` are the labels of the pods that connect; empty: all of Airflow.
    """

    purpose: str
    host: str
    port: int
    protocol: Literal["TCP", "UDP"] = "TCP"
    components: tuple[str, ...] = ()

    @property
    def is_guess(self) -> bool:
        """Return whether only a Secret has the address, so that host and port are not known."""
        return self.host.endswith(_UNKNOWN)


def list_connections(configuration: Configuration) -> tuple[Connection, ...]:
    """Return the connections that leave the namespace, each port of a purpose once."""
    found = [
        *_find_in_options(configuration),
        *_find_in_variables(configuration),
        *_find_search_engines(configuration),
        *_find_pairs(configuration),
    ]
    one = configuration.installation
    outside = [
        item
        for item in found
        if 0 < item.port < 65536
        and (not item.host or _is_outside(item.host, one.release, one.namespace))
    ]
    return tuple(dict.fromkeys(outside))


def _find_in_options(configuration: Configuration) -> Iterator[Connection]:
    for option, setting in configuration.list_options():
        if option not in _OWN and setting.variable is None:
            for host, port in find_addresses(setting.value or ""):
                yield Connection(".".join(option), host, port)


def _find_in_variables(configuration: Configuration) -> Iterator[Connection]:
    readers: dict[tuple[str, str], set[str]] = {}
    for container, variable in configuration.list_variables():
        option = parse_variable(variable.name)
        if option not in _OWN and variable.name not in _OWN_VARIABLES and variable.value:
            readers.setdefault((variable.name, variable.value), set()).add(_label(container))
    for (name, value), labels in readers.items():
        components = _select_components(configuration, labels)
        for host, port in find_addresses(value):
            yield Connection(name, host, port, "TCP", components)


def _find_search_engines(configuration: Configuration) -> Iterator[Connection]:
    get = configuration.installation.get
    for key, title in (("elasticsearch", "Elasticsearch"), ("opensearch", "OpenSearch")):
        if get(f"{key}.enabled"):
            port = get(f"{key}.connection.port")
            host = str(get(f"{key}.connection.host") or f"{key}{_UNKNOWN}")
            number = int(port) if str(port).isdigit() else _ELASTICSEARCH_PORT
            yield Connection(title, host, number, "TCP", _list_log_users(configuration))


def _list_log_users(configuration: Configuration) -> tuple[str, ...]:
    """Return the labels of the components that show the logs of tasks, or write them."""
    executor = configuration.installation.executor
    users = {"api-server", "triggerer", "webserver"}
    users &= {_label(one) for one in configuration.airflow_containers}
    if "Celery" in executor or "Kubernetes" in executor:
        users.add("worker")
    if "Local" in executor:
        users.add("scheduler")
    return tuple(sorted(users))


def _find_pairs(configuration: Configuration) -> Iterator[Connection]:
    """Yield what an option for the host and one for the port name together."""
    pairs: tuple[tuple[str, str, str, str, Literal["TCP", "UDP"]], ...] = (
        ("metrics", "statsd_host", "statsd_port", "8125", "UDP"),
        ("metrics", "otel_host", "otel_port", "8889", "TCP"),
        ("traces", "otel_host", "otel_port", "8889", "TCP"),
        ("smtp", "smtp_host", "smtp_port", "25", "TCP"),
    )
    for section, host, port, default, protocol in pairs:
        readers: dict[tuple[str, int], set[str]] = {}
        for container, name in configuration.find_all(section, host):
            number = configuration.find(container, section, port)
            text = (number.value if number and number.value else default) or default
            known = name.value
            if (known is None or (known and "://" not in known)) and text.isdigit():
                readers.setdefault((known or "", int(text)), set()).add(_label(container))
        for (address, at), labels in readers.items():
            components = _select_components(configuration, labels)
            yield Connection(f"{section}.{host}", address, at, protocol, components)


def _select_components(configuration: Configuration, labels: set[str]) -> tuple[str, ...]:
    """Return the labels of the pods; empty if they are all of Airflow."""
    everyone = {_label(one) for one in configuration.airflow_containers} - _WITHOUT_COMMON
    return () if everyone <= labels else tuple(sorted(labels))


def find_addresses(text: str) -> Iterator[tuple[str, int]]:
    """Yield hosts and ports of the URLs in a text, of `host:port`, or of a connection as JSON."""
    for scheme, host, port in _URL.findall(text):
        known = _PORTS.get(scheme.partition("+")[0].lower())
        if port or known:
            yield host.strip("[]").lower(), int(port) if port else known or 0
    if match := _ADDRESS.match(text.strip()):
        yield match[1].lower(), int(match[2])
    named, port = _JSON_HOST.search(text), _JSON_PORT.search(text)
    if named and port and "://" not in text:
        yield named[1].lower(), int(port[1])


def _is_outside(host: str, release: str, namespace: str) -> bool:
    """Return whether a host is outside of the namespace, in which all pods may be reached."""
    name, _, domain = host.partition(".")
    if is_loopback(host) or (not domain and not _is_ip(host)):
        return False
    own = name.startswith(f"{release}-") or not _is_ip(host)
    return not (own and (domain == namespace or domain.startswith(f"{namespace}.svc")))


def _is_ip(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _label(container: Container) -> str:
    return "worker" if container.component == TASK_POD else container.component
