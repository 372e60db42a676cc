"""Annotated types for the answers: one check and one message for each kind of text.

Every text type refuses control and bidirectional characters, so no answer can inject a line into
YAML, INI, HCL or terminal output; the writer of each format quotes other special characters.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, Field

from wizard.formats.addresses import (
    check_git_url,
    check_host,
    check_https_url,
    check_proxy_url,
    check_web_url,
    split_address,
)
from wizard.formats.durations import check_duration
from wizard.formats.log_urls import check_log_url
from wizard.formats.timezones import check_time_zone

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_MAX_TEXT = 1000
_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_SOURCE_SEGMENT = r"[A-Za-z0-9_.~+-]+"


def has_hidden(text: str) -> bool:
    """Return whether `text` has a character that is not visible as such (control, bidi)."""
    return any(
        char in _BIDI or unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text
    )


def _text(value: str) -> str:
    if has_hidden(value):
        raise ValueError("use one line without control or bidirectional characters")
    if len(value) > _MAX_TEXT:
        raise ValueError(f"use at most {_MAX_TEXT} characters")
    return value


def _matching(pattern: str, message: str, *, empty: bool = True) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if value == "" and empty:
            return value
        if not compiled.fullmatch(value):
            raise ValueError(message)
        return value

    return check


_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_QUALIFIED_NAME = rf"({_LABEL}(\.{_LABEL})*/)?[A-Za-z0-9]([A-Za-z0-9_.-]{{0,61}}[A-Za-z0-9])?"


def _host(value: str) -> str:
    return check_host(value) if value else value


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError("give a network such as 10.0.0.0/8, without host bits") from None


def _log_url(value: str) -> str:
    return check_log_url(value) if value else value


def _address(value: str) -> str:
    if value:
        split_address(value)
    return value


def _https_url(value: str) -> str:
    return check_https_url(value) if value else value


def _web_url(value: str) -> str:
    return check_web_url(value) if value else value


def _proxy_url(value: str) -> str:
    return check_proxy_url(value) if value else value


def _git_url(value: str) -> str:
    return check_git_url(value) if value else value


def _repository_source(value: str) -> str:
    if "://" in value or "@" in value:
        return check_git_url(value)
    named = re.fullmatch(rf"{_SOURCE_SEGMENT}(:[0-9]+)?(/{_SOURCE_SEGMENT})+", value)
    if value and (not named or ".." in value):
        raise ValueError(
            "give the repository's URL, or its host and path, such as git.example.com/team/airflow"
        )
    return value


def _git_ref(value: str) -> str:
    # The rules of git check-ref-format; no leading dash either, because git could read an option.
    # The character set has no syntax of Go templates, shells or airflow.cfg (%).
    if (
        not re.fullmatch(r"[\w./@#+=,-]*", value)
        or ".." in value
        or "//" in value
        or value[:1] in {"-", "/", "."}
        or value.endswith(("/", ".", ".lock"))
        or "/." in value
        or value == "@"
    ):
        raise ValueError("give the name of a branch, a tag or a commit, such as main")
    return value


def _relative_path(value: str) -> str:
    if "\\" in value or value.startswith(("/", "-", "~")) or "//" in value:
        raise ValueError("give a relative path with forward slashes, such as apps")
    parts = PurePosixPath(value).parts
    if ".." in parts or any(part.casefold().startswith(".git") for part in parts):
        raise ValueError("give a path below the repository, without .. and without .git names")
    return value if value in {"", "."} else str(PurePosixPath(value))


def _repository_path(value: str) -> str:
    checked = _relative_path(value)
    if not re.fullmatch(r"[A-Za-z0-9._/+-]*", checked):
        raise ValueError("use letters, digits, dot, underscore, plus and hyphen in a path")
    return checked


def _postgres_name(value: str) -> str:
    if len(value.encode("utf-8")) > 63:
        raise ValueError("use at most 63 bytes: PostgreSQL truncates longer names")
    return value


def _certificate_file(value: str) -> str:
    # The last part becomes a file name in the repository, next to the answers.
    name = value.replace("\\", "/").rpartition("/")[2]
    if value and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*\.(pem|crt|cer)", name):
        raise ValueError(
            "name a file of letters, digits, dots, hyphens and underscores that ends in .pem, "
            ".crt or .cer, such as vault-ca.pem"
        )
    return value


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


Text = Annotated[str, AfterValidator(_text)]
KubeName = Annotated[
    Text,
    AfterValidator(
        _matching(_LABEL, "use 1 to 63 lower-case letters, digits and hyphens", empty=False)
    ),
]
ReleaseName = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?",
            "use 1 to 40 lower-case letters, digits and hyphens, starting with a letter: "
            "the chart appends up to 23 characters",
            empty=False,
        )
    ),
]
ObjectName = Annotated[
    Text,
    AfterValidator(
        _matching(
            rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*",
            "use lower-case letters, digits, hyphens and dots",
        )
    ),
]
SecretName = Annotated[
    Text,
    AfterValidator(
        _matching(
            rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*",
            "give the Secret's name: lower-case letters, digits, hyphens and dots",
            empty=False,
        )
    ),
]
_SECRET_KEY = (
    r"(?!\.\.?$)[A-Za-z0-9._-]{1,253}",
    "give a key of a Secret: letters, digits, dots, hyphens and underscores",
)
SecretKey = Annotated[Text, AfterValidator(_matching(*_SECRET_KEY, empty=False))]
OptionalSecretKey = Annotated[Text, AfterValidator(_matching(*_SECRET_KEY))]
MountPath = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"(/(?!\.\.?(/|$))[A-Za-z0-9._-]+)+",
            "give an absolute path in the containers, such as /opt/airflow/secrets",
        )
    ),
]
Version = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)",
            "give a plain X.Y.Z: the chart drops whole components for 3.2.2-python3.12 "
            "and refuses 3.2.2rc1",
            empty=False,
        )
    ),
]
AnnotationKey = Annotated[
    Text,
    AfterValidator(
        _matching(
            _QUALIFIED_NAME,
            "give the name of an annotation, such as service.beta.kubernetes.io/name",
            empty=False,
        )
    ),
]
LabelKey = Annotated[
    Text,
    AfterValidator(
        _matching(_QUALIFIED_NAME, "give the name of a label, such as release", empty=False)
    ),
]
LabelValue = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?",
            "use at most 63 letters, digits, dots, hyphens and underscores",
        )
    ),
]
# The chart renders such a value as a Go template.
CloudIdentity = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[A-Za-z0-9@:/._+=,-]+",
            "give a name at a cloud, such as arn:aws:iam::123456789012:role/airflow: letters, "
            "digits and @:/._+=,-",
            empty=False,
        )
    ),
]
Network = Annotated[Text, AfterValidator(_network)]
Tenant = Annotated[Text, AfterValidator(_tenant)]
ClientId = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}",
            "give the client's ID: letters, digits and . _ : / @ -",
        )
    ),
]
ClaimName = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[A-Za-z][A-Za-z0-9._:/-]{0,254}", "give the name of a claim, such as groups or roles"
        )
    ),
]
Scopes = Annotated[Text, AfterValidator(_scopes)]
GroupName = Annotated[Text, AfterValidator(_group)]
MetricPrefix = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[A-Za-z_][A-Za-z0-9_.]{0,62}",
            "use letters, digits, dots and underscores, such as airflow",
            empty=False,
        )
    ),
]
Address = Annotated[Text, AfterValidator(_address)]
HostName = Annotated[Text, AfterValidator(_host)]
Port = Annotated[int, Field(ge=1, le=65535)]
HttpsUrl = Annotated[Text, AfterValidator(_https_url)]
WebUrl = Annotated[Text, AfterValidator(_web_url)]
ProxyUrl = Annotated[Text, AfterValidator(_proxy_url)]
ProxyException = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5}|/[0-9]{1,3})?"
            r"|\[?[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*\]?(/[0-9]{1,3})?",
            "give a host, a domain such as .example.internal, or a network such as 10.0.0.0/8",
            empty=False,
        )
    ),
]
LogUrl = Annotated[Text, AfterValidator(_log_url)]
LoginName = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,99}",
            "give a user name of letters, digits and _ . @ + -, such as airflow_logs",
        )
    ),
]
GitUrl = Annotated[Text, AfterValidator(_git_url)]
RepositorySource = Annotated[Text, AfterValidator(_repository_source)]
GitRef = Annotated[Text, AfterValidator(_git_ref)]
RepositoryPath = Annotated[Text, AfterValidator(_repository_path)]
CertificateFile = Annotated[Text, AfterValidator(_certificate_file)]
PostgresName = Annotated[Text, AfterValidator(_postgres_name)]
QueueNames = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[A-Za-z0-9_][A-Za-z0-9_.-]*(,[A-Za-z0-9_][A-Za-z0-9_.-]*)*",
            "give queue names of letters, digits, dots, hyphens, underscores, separated by commas: "
            "the chart puts them into a shell command",
            empty=False,
        )
    ),
]
_VAULT_NAME = (
    r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?",
    "give a name of letters, digits, dots, hyphens and underscores, without a slash",
)
VaultName = Annotated[Text, AfterValidator(_matching(*_VAULT_NAME, empty=False))]
OptionalVaultName = Annotated[Text, AfterValidator(_matching(*_VAULT_NAME))]
VaultPath = Annotated[Text, AfterValidator(_vault_path)]
OptionalVaultPath = Annotated[
    Text, AfterValidator(lambda value: _vault_path(value) if value else value)
]
KeyVaultPrefix = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[A-Za-z][A-Za-z0-9-]{0,79}",
            "give letters, digits and dashes, such as airflow-connections",
        )
    ),
]
VaultNamespace = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[A-Za-z0-9_][A-Za-z0-9_-]*(/[A-Za-z0-9_][A-Za-z0-9_-]*)*",
            "give a namespace such as team-a/data",
        )
    ),
]
Audience = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[A-Za-z0-9][A-Za-z0-9._:/-]*",
            "give the audience that the cluster issues: letters, digits, dots, colons, slashes",
        )
    ),
]
Duration = Annotated[Text, AfterValidator(check_duration)]
Quantity = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"([1-9][0-9]*(\.[0-9]+)?|0\.0*[1-9][0-9]*)(m|k|Ki|M|Mi|G|Gi|T|Ti)?",
            "give a Kubernetes quantity such as 500m, 2, 512Mi or 10Gi",
        )
    ),
]
Email = Annotated[
    Text,
    AfterValidator(
        _matching(r"[^@\s\"'`<>{}\\]+@[^@\s\"'`<>{}\\]+", "give an address such as ada@example.com")
    ),
]
TimeZone = Annotated[Text, AfterValidator(check_time_zone)]
EnvName = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[A-Za-z_][A-Za-z0-9_]*",
            "use letters, digits and underscores, and do not start with a digit",
            empty=False,
        )
    ),
]
ImageRepository = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*",
            "give an image repository such as registry.example.com/data/airflow, without a tag",
        )
    ),
]
ImageName = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)+"
            r":(?!latest(@|$))[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[0-9a-f]{64})?",
            "give an image with a fixed tag, such as registry.example.com/oauth2-proxy:v7.15.6",
        )
    ),
]
ImageTag = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"(?!latest$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}",
            "give a fixed tag such as 3.2.2-r1: the image behind latest changes",
        )
    ),
]
ImageBase = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"slim|(slim-)?3\.(9|[1-9][0-9])",
            "give a Python version such as 3.12, or slim, or slim-3.12",
        )
    ),
]
# Source: Debian policy, 5.6.1 (names) and 5.6.12 (versions).
AptPackage = Annotated[
    Text,
    AfterValidator(
        _matching(
            r"[a-z0-9][a-z0-9+.-]{1,99}(=[0-9][A-Za-z0-9.+:~-]{0,99})?",
            "give the name of a Debian package, such as libpq-dev or libpq-dev=15.8-0+deb12u1",
            empty=False,
        )
    ),
]
