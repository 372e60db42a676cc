"""Types of names at an identity provider, at a cloud and in a secrets store."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from wizard.formats.durations import check_duration, duration_seconds
from wizard.formats.types import Text, matching

_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"


def _vault_path(value: str) -> str:
    if not re.fullmatch(rf"{_SEGMENT}(/{_SEGMENT})*", value) or ".." in value:
        raise ValueError(
            "give a path of letters, digits, hyphens, dots and underscores between slashes: "
            "no leading or final slash, no .., *, +, quotes or braces"
        )
    return value


def _tenant(value: str) -> str:
    if value in {"common", "organizations", "consumers"}:
        raise ValueError("name one tenant: with this one, users of every tenant could log in")
    if value and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", value):
        raise ValueError("give the tenant's ID or a domain, such as example.onmicrosoft.com")
    return value


def _scopes(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9._:/-]+( [A-Za-z0-9._:/-]+)*", value):
        raise ValueError("give scopes with one space between them, such as openid email groups")
    if value and "openid" not in value.split(" "):
        raise ValueError("add openid: without it, the provider sends no ID token")
    return value


def _group(value: str) -> str:
    if not value or value != value.strip():
        raise ValueError("give a group, without spaces around it")
    return value


def _token_duration(value: str) -> str:
    if not 60 <= duration_seconds(check_duration(value)) <= 24 * 3600:
        raise ValueError("give a duration from 1m to 24h, such as 20m or 1h")
    return value


# The chart renders such a value as a Go template.
CloudIdentity = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[A-Za-z0-9@:/._+=,-]+",
            "give a name at a cloud, such as arn:aws:iam::123456789012:role/airflow: letters, "
            "digits and @:/._+=,-",
            empty=False,
        )
    ),
]
Tenant = Annotated[Text, AfterValidator(_tenant)]
TokenDuration = Annotated[Text, AfterValidator(_token_duration)]
ClientId = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}",
            "give the client's ID: letters, digits and . _ : / @ -",
        )
    ),
]
ClaimName = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[A-Za-z][A-Za-z0-9._:/-]{0,254}", "give the name of a claim, such as groups or roles"
        )
    ),
]
Scopes = Annotated[Text, AfterValidator(_scopes)]
GroupName = Annotated[Text, AfterValidator(_group)]
LoginName = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,99}",
            "give a user name of letters, digits and _ . @ + -, such as airflow_logs",
        )
    ),
]
_VAULT_NAME = (
    r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?",
    "give a name of letters, digits, dots, hyphens and underscores, without a slash",
)
VaultName = Annotated[Text, AfterValidator(matching(*_VAULT_NAME, empty=False))]
OptionalVaultName = Annotated[Text, AfterValidator(matching(*_VAULT_NAME))]
VaultPath = Annotated[Text, AfterValidator(_vault_path)]
OptionalVaultPath = Annotated[
    Text, AfterValidator(lambda value: _vault_path(value) if value else value)
]
KeyVaultPrefix = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[A-Za-z][A-Za-z0-9-]{0,79}",
            "give letters, digits and dashes, such as airflow-connections",
        )
    ),
]
VaultNamespace = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[A-Za-z0-9_][A-Za-z0-9_-]*(/[A-Za-z0-9_][A-Za-z0-9_-]*)*",
            "give a namespace such as team-a/data",
        )
    ),
]
Audience = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[A-Za-z0-9][A-Za-z0-9._:/-]*",
            "give the audience that the cluster issues: letters, digits, dots, colons, slashes",
        )
    ),
]
