"""Rules on how users log in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.chart.exposure import list_exposures
from wizard.errors import Problem
from wizard.formats.nested import get_value

if TYPE_CHECKING:
    from wizard.answers.model import Answers

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?").fullmatch
_MAILBOX = re.compile(r"[A-Za-z0-9._+'-]{1,64}").fullmatch
# What else decides on the login, by the part of the answers.
_VALUES = (
    "apiServer.apiServerConfig",
    "apiServer.apiServerConfigConfigMapName",
    "webserver.webserverConfig",
    "webserver.webserverConfigConfigMapName",
    "config.core.auth_manager",
    "config.fab.config_file",
    "config.webserver.config_file",
)
_VARIABLES = (
    "AIRFLOW__CORE__AUTH_MANAGER",
    "AIRFLOW__FAB__CONFIG_FILE",
    "AIRFLOW__WEBSERVER__CONFIG_FILE",
)


def check_login(answers: Answers) -> Iterator[Problem]:
    """Report single sign-on without https, and what would replace its settings."""
    access = answers.access
    if access.login == "password":
        return
    if not access.base_url.startswith("https:"):
        yield Problem(
            "access.base_url",
            f"use the https address that users open: with access.login {access.login}, the "
            "provider sends users back to it",
        )
    for key in _VALUES:
        if get_value(answers.values, tuple(key.split("."))) is not None:
            yield Problem(
                f"values.{key}",
                f"remove it, or set access.login to password: {access.login} writes this setting",
            )
    for name in _VARIABLES:
        if name in answers.environment.variables:
            yield Problem(
                f"environment.variables.{name}",
                f"remove it, or set access.login to password: {access.login} writes this setting",
            )
    if access.oauth.provider == "google":
        yield from _check_google(answers)
    if access.login == "proxy":
        yield from _check_proxy(answers)


def _check_google(answers: Answers) -> Iterator[Problem]:
    """Report roles that no Google account gets: its tokens name a domain and an address, no group.

    Source: Google, OpenID Connect: claims of an ID token.
    """
    from wizard.manifests.webserver_config import GOOGLE_CONSUMERS

    key, oauth = "access.oauth.roles", answers.access.oauth
    for name in oauth.roles:
        mailbox, at, domain = name.rpartition("@")
        if not _is_domain(domain) or (at and not _MAILBOX(mailbox)):
            yield Problem(
                key,
                f"instead of {name!r}, name a Workspace domain, such as example.com, or an "
                "address: Google sends no groups",
            )
        elif name.lower() in GOOGLE_CONSUMERS:
            yield Problem(
                key, f"instead of {name}, name single addresses: its accounts have no domain"
            )
    if len({name.lower() for name in oauth.roles}) < len(oauth.roles):
        yield Problem(key, "name each domain and address once: Google's have no case")
    named = any("@" in name for name in oauth.roles)
    if named and oauth.scopes and "email" not in oauth.scopes.split(" "):
        yield Problem(
            "access.oauth.scopes", f"add email: without it, the addresses in {key} get no role"
        )


def _is_domain(text: str) -> bool:
    labels = text.split(".")
    return len(labels) > 1 and all(_LABEL(one) for one in labels)


def _check_proxy(answers: Answers) -> Iterator[Problem]:
    oauth = answers.access.oauth
    if oauth.provider == "entra" and oauth.tenant and not _UUID(oauth.tenant):
        yield Problem(
            "access.oauth.tenant",
            "give the directory (tenant) ID: oauth2-proxy compares it with the tokens",
        )
    airflow_3 = answers.installation.airflow_version >= (3, 0, 0)
    for exposure in list_exposures(answers.values, airflow_3=airflow_3):
        yield Problem(
            f"values.{exposure.where}",
            "remove it: users would get past oauth2-proxy. Answer access.kind instead",
        )
