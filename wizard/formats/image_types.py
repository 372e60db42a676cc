"""Types of container images and of what is built into them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from wizard.formats.types import Text, matching

_PREFIX = "such as registry.example.com/mirror"
_HOST = re.compile(r"(?=[^/]*[.:]|localhost$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
_PART = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*")


def _registry_prefix(value: str) -> str:
    """Return the value if it is a registry with or without a path; refuse what else it names."""
    if not value:
        return value
    host, *parts = value.split("/")
    if "://" in value:
        raise ValueError(f"give it without a scheme, {_PREFIX}")
    if "@" in value:
        raise ValueError(f"give it without a digest or a user: each image keeps its own, {_PREFIX}")
    if value.endswith("/"):
        raise ValueError(f"remove the slash at the end, {_PREFIX}")
    if value != value.lower():
        raise ValueError(f"use lower case, as registries do, {_PREFIX}")
    name = parts[-1] if parts else host
    tagged = ":" in name and not (name is host and _HOST.fullmatch(host))
    if tagged:
        raise ValueError(f"remove the tag: each image keeps its own, {_PREFIX}")
    if not _HOST.fullmatch(host) or not all(map(_PART.fullmatch, parts)):
        raise ValueError(f"give the host of a registry and a path in it, {_PREFIX}")
    return value


ImageRegistry = Annotated[Text, AfterValidator(_registry_prefix)]

ImageRepository = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*",
            "give an image repository such as registry.example.com/data/airflow, without a tag",
        )
    ),
]
ImageName = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)+"
            r":(?!latest(@|$))[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[0-9a-f]{64})?",
            "give an image with a fixed tag, such as registry.example.com/oauth2-proxy:v7.15.6",
        )
    ),
]
ImageTag = Annotated[
    Text,
    AfterValidator(
        matching(
            r"(?!latest$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}",
            "give a fixed tag such as 3.2.2-r1: the image behind latest changes",
        )
    ),
]
ImageBase = Annotated[
    Text,
    AfterValidator(
        matching(
            r"slim|(slim-)?3\.(9|[1-9][0-9])",
            "give a Python version such as 3.12, or slim, or slim-3.12",
        )
    ),
]
# Source: Debian policy, 5.6.1 (names) and 5.6.12 (versions).
AptPackage = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[a-z0-9][a-z0-9+.-]{1,99}(=[0-9][A-Za-z0-9.+:~-]{0,99})?",
            "give the name of a Debian package, such as libpq-dev or libpq-dev=15.8-0+deb12u1",
            empty=False,
        )
    ),
]
