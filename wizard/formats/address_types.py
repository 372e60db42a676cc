"""Types of addresses: hosts, networks, URLs and Git references."""

from __future__ import annotations

import ipaddress
import re
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
from wizard.formats.log_urls import check_log_url
from wizard.formats.types import Text, matching

# The bits before the IPv4 address in ::ffff:10.0.0.1.
_MAPPED_BITS = 96
_SOURCE_SEGMENT = r"[A-Za-z0-9_.~+-]+"


def _host(value: str) -> str:
    return check_host(value) if value else value


def _network(value: str) -> str:
    if "%" in value:
        raise ValueError("give a network without a zone: a zone is only valid on one machine")
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("give a network such as 10.0.0.0/8, without host bits") from None
    if mapped := getattr(network.network_address, "ipv4_mapped", None):
        # Kubernetes refuses them; no packet has such an address.
        plain = f"{mapped}/{network.prefixlen - _MAPPED_BITS}"
        raise ValueError(f"give a network such as {plain}: yours is one of IPv4, written as IPv6")
    return str(network)


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


Network = Annotated[Text, AfterValidator(_network)]
Address = Annotated[Text, AfterValidator(_address)]
HostName = Annotated[Text, AfterValidator(_host)]
Port = Annotated[int, Field(ge=1, le=65535)]
HttpsUrl = Annotated[Text, AfterValidator(_https_url)]
WebUrl = Annotated[Text, AfterValidator(_web_url)]
ProxyUrl = Annotated[Text, AfterValidator(_proxy_url)]
ProxyException = Annotated[
    Text,
    AfterValidator(
        matching(
            r"\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5}|/[0-9]{1,3})?"
            r"|\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]?(/[0-9]{1,3})?",
            "give a host, a domain such as .example.internal, or a network such as 10.0.0.0/8",
            empty=False,
        )
    ),
]
LogUrl = Annotated[Text, AfterValidator(_log_url)]
GitUrl = Annotated[Text, AfterValidator(_git_url)]
RepositorySource = Annotated[Text, AfterValidator(_repository_source)]
GitRef = Annotated[Text, AfterValidator(_git_ref)]
