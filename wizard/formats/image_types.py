"""Types of container images and of what is built into them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from wizard.formats.types import Text, matching

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
