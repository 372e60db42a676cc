"""Compares the hosts in composed Secrets with the components that the values enable.

Source: facts on the chart, section 5 (names of its Services). Only a URL that an ExternalSecret of
the tree composes from parts can be checked, not a URL that the store holds as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.chart.contract import get_chart_value
from wizard.checks.subject import Subject, as_mapping, get_nested
from wizard.errors import Fix
from wizard.findings import Finding

_HOST = re.compile(r"@(\[[^\]\[@]+\]|[A-Za-z0-9._-]+)(?=[:/?]|$)")


@dataclass(frozen=True, slots=True)
class _Service:
    """A component of the chart that has a Service.

    `switch` is the value that enables the component, `values` name the Secrets with its URL.
    """

    switch: str
    values: tuple[str, ...]
    suffix: str
    title: str


_SERVICES = (
    _Service(
        "pgbouncer.enabled",
        ("data.metadataSecretName", "data.resultBackendSecretName"),
        "pgbouncer",
        "PgBouncer",
    ),
    _Service(
        "postgresql.enabled",
        ("data.metadataSecretName", "data.resultBackendSecretName"),
        "postgresql",
        "the bundled PostgreSQL",
    ),
    _Service("redis.enabled", ("data.brokerUrlSecretName",), "redis", "the chart's Redis"),
)


def check_hosts(subject: Subject) -> Iterator[Finding]:
    """Report URLs that point to a disabled component, and enabled components that no URL uses."""
    values = subject.values
    if values is None:
        return
    for service in _SERVICES:
        for value in service.values:
            secret = get_chart_value(values, value)
            host = _host(subject, secret) if isinstance(secret, str) else ""
            if not host:
                continue
            reached = subject.is_object_name(host.partition(".")[0], service.suffix)
            disabled = get_chart_value(values, service.switch) is not True
            # Without the release's name, a Service of others may have such a name.
            missing = reached and disabled and subject.knows_names
            first = value == service.values[0]
            if missing or (first and not reached and _is_enabled(values, service)):
                yield _finding(subject, service, value, reached)


def _is_enabled(values: Mapping[str, Any], service: _Service) -> bool:
    """Return whether a URL must point to the component.

    It must if the values enable the component, except for PostgreSQL behind PgBouncer.
    """
    pooled = service.suffix == "postgresql" and get_chart_value(values, "pgbouncer.enabled") is True
    return not pooled and get_nested(values, *service.switch.split(".")) is True


def _finding(subject: Subject, service: _Service, value: str, reached: bool) -> Finding:
    path, where = subject.layout.values, service.switch
    if reached:
        message = f"the Secret that {value} names points to {service.title}, which is disabled"
        fix = f"write {where}: true, or compose the Secret with a different host"
        return Finding("values.missing-host", "error", path, where, message, Fix(fix))
    message = f"{service.title} is enabled, but the Secret that {value} names does not use it"
    fix = f"write {where}: false, or compose the Secret with its host"
    return Finding("values.unused-host", "warning", path, where, message, Fix(fix))


def _host(subject: Subject, secret: str) -> str:
    """Return the host of the URL in key `connection` of a composed Secret; "" if unknown."""
    for document in subject.objects("ExternalSecret"):
        target = as_mapping(get_nested(document.spec, "target"))
        if (target.get("name") or document.name) == secret:
            found = _connection_host(target)
            return found.strip("[]") if found else ""
    return ""


def _connection_host(target: Mapping[str, Any]) -> str:
    text = get_nested(target, "template", "data", "connection")
    hosts = _HOST.findall(text) if isinstance(text, str) else []
    return str(hosts[-1]) if hosts else ""
