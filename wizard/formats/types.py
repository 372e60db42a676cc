"""Annotated types for the answers: one check and one message for each kind of text.

Every text type refuses control and bidirectional characters, so no answer can inject a line into
YAML, INI, HCL or terminal output; the writer of each format quotes other special characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator

from wizard.formats.durations import check_duration
from wizard.formats.timezones import check_time_zone

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_MAX_TEXT = 1000
# The file beside which the public files are saved.
_ANSWERS = "answers.yaml"


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


def matching(pattern: str, message: str, *, empty: bool = True) -> Callable[[str], str]:
    """Return a check that refuses a text which does not match as a whole, with this message.

    `empty` also accepts the empty text.
    """
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if value == "" and empty:
            return value
        if not compiled.fullmatch(value):
            raise ValueError(message)
        return value

    return check


# A part of a name, as statsd_exporter's mapper takes it (pkg/mapper).
_METRIC_PART = r"[A-Za-z_][A-Za-z0-9_]*"
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_QUALIFIED_NAME = rf"({_LABEL}(\.{_LABEL})*/)?[A-Za-z0-9]([A-Za-z0-9_.-]{{0,61}}[A-Za-z0-9])?"


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


def _public_file(endings: str, words: str, example: str) -> Callable[[str], str]:
    """Return a check of a path whose last part becomes a file name next to the answers."""

    names = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._-]*\.({endings})")

    def check(value: str) -> str:
        name = value.replace("\\", "/").rpartition("/")[2]
        if value and not names.fullmatch(name):
            raise ValueError(
                "name a file of letters, digits, dots, hyphens and underscores that ends in "
                f"{words}, such as {example}"
            )
        if name.casefold() == _ANSWERS:
            raise ValueError(f"use another file name than {_ANSWERS}, which holds the answers")
        return value

    return check


Text = Annotated[str, AfterValidator(_text)]
KubeName = Annotated[
    Text,
    AfterValidator(
        matching(_LABEL, "use 1 to 63 lower-case letters, digits and hyphens", empty=False)
    ),
]
ReleaseName = Annotated[
    Text,
    AfterValidator(
        matching(
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
        matching(
            rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*",
            "use lower-case letters, digits, hyphens and dots",
        )
    ),
]
SecretName = Annotated[
    Text,
    AfterValidator(
        matching(
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
SecretKey = Annotated[Text, AfterValidator(matching(*_SECRET_KEY, empty=False))]
OptionalSecretKey = Annotated[Text, AfterValidator(matching(*_SECRET_KEY))]
MountPath = Annotated[
    Text,
    AfterValidator(
        matching(
            r"(/(?!\.\.?(/|$))[A-Za-z0-9._-]+)+",
            "give an absolute path in the containers, such as /opt/airflow/secrets",
        )
    ),
]
Version = Annotated[
    Text,
    AfterValidator(
        matching(
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
        matching(
            _QUALIFIED_NAME,
            "give the name of an annotation, such as service.beta.kubernetes.io/name",
            empty=False,
        )
    ),
]
PodAnnotation = Annotated[
    Text,
    AfterValidator(
        matching(
            r"(?:(?!\{\{).)*",
            "write it without templates: the chart would carry out {{ }}",
        )
    ),
]
LabelKey = Annotated[
    Text,
    AfterValidator(
        matching(_QUALIFIED_NAME, "give the name of a label, such as release", empty=False)
    ),
]
LabelValue = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?",
            "use at most 63 letters, digits, dots, hyphens and underscores",
        )
    ),
]
MetricPrefix = Annotated[
    Text,
    AfterValidator(
        matching(
            rf"(?=.{{1,63}}\Z){_METRIC_PART}(\.{_METRIC_PART})*",
            "use letters, digits and underscores, such as airflow, and single dots between parts "
            "that begin with a letter: remove a dot at the end",
            empty=False,
        )
    ),
]
RepositoryPath = Annotated[Text, AfterValidator(_repository_path)]
CertificateFile = Annotated[
    Text, AfterValidator(_public_file("pem|crt|cer", ".pem, .crt or .cer", "vault-ca.pem"))
]
ManifestFile = Annotated[
    Text, AfterValidator(_public_file("yaml|yml", ".yaml or .yml", "pod-template.yaml"))
]
PostgresName = Annotated[Text, AfterValidator(_postgres_name)]
QueueNames = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[A-Za-z0-9_][A-Za-z0-9_.-]*(,[A-Za-z0-9_][A-Za-z0-9_.-]*)*",
            "give queue names of letters, digits, dots, hyphens, underscores, separated by commas: "
            "the chart puts them into a shell command",
            empty=False,
        )
    ),
]
Duration = Annotated[Text, AfterValidator(check_duration)]
Quantity = Annotated[
    Text,
    AfterValidator(
        matching(
            r"([1-9][0-9]*(\.[0-9]+)?|0\.0*[1-9][0-9]*)(m|k|Ki|M|Mi|G|Gi|T|Ti)?",
            "give a Kubernetes quantity such as 500m, 2, 512Mi or 10Gi",
        )
    ),
]
Email = Annotated[
    Text,
    AfterValidator(
        matching(r"[^@\s\"'`<>{}\\]+@[^@\s\"'`<>{}\\]+", "give an address such as ada@example.com")
    ),
]
TimeZone = Annotated[Text, AfterValidator(check_time_zone)]
EnvName = Annotated[
    Text,
    AfterValidator(
        matching(
            r"[A-Za-z_][A-Za-z0-9_]*",
            "use letters, digits and underscores, and do not start with a digit",
            empty=False,
        )
    ),
]
