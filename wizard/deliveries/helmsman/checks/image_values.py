"""The values file of the image pipeline: only an image with a fixed tag or digest belongs there.

Helm merges it after everything else, and the pipeline writes it without the wizard's checks.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping

from wizard.checks.subject import Subject, as_mapping, get_nested
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.formats.nested import format_path, walk
from wizard.formats.yaml_untrusted import parse_yaml

NAME = "values.image.yaml"
_REPOSITORY = re.compile(r"[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*").fullmatch
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}").fullmatch
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}").fullmatch
_VERSION = re.compile(r"(\d+\.\d+\.\d+)(?![\d.])").match
_POLICIES = ("Always", "IfNotPresent", "Never")
_FORMS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "repository": (_REPOSITORY, "an image repository without a tag"),
    "tag": (_TAG, "a fixed tag in quotes"),
    "digest": (_DIGEST, "sha256: and 64 hexadecimal digits"),
    "pullPolicy": (_POLICIES.__contains__, f"one of {', '.join(_POLICIES)}"),
}
# The chart's keys for the image of Airflow, by what they hold.
_KEYS: Mapping[tuple[str, ...], str] = {
    **{("images", "airflow", form): form for form in _FORMS},
    ("defaultAirflowRepository",): "repository",
    ("defaultAirflowTag",): "tag",
    ("defaultAirflowDigest",): "digest",
}


def check_image_values(subject: Subject) -> Iterator[Finding]:
    """Check the file if the wizard's desired state file names it."""
    folder = posixpath.dirname(subject.layout.values)
    path = posixpath.join(folder, NAME)
    state = posixpath.join(folder, "helmsman.yaml")
    if not subject.layout.manifests or state not in subject.files or not _is_named(subject, state):
        return
    if path not in subject.files:
        message = f"{state} names this file, and it is missing"
        fix = f"restore it: git log --all -- {path}"
        yield Finding("helmsman.image-values", "error", path, "", message, Fix(fix))
        return
    documents, findings = parse_yaml(path, subject.files[path])
    if any(finding.is_error for finding in findings):
        # Reported as unreadable already.
        return
    if len(documents) != 1 or not isinstance(documents[0], Mapping):
        message = "is not one mapping of Helm values"
        yield _finding(path, "", message, "write images.airflow.repository and images.airflow.tag")
        return
    yield from _check(path, documents[0], subject)


def _is_named(subject: Subject, state: str) -> bool:
    return NAME.encode() in subject.files[state]


def _check(path: str, data: Mapping[str, object], subject: Subject) -> Iterator[Finding]:
    found: dict[str, str] = {}
    for keys, value in walk(data):
        if isinstance(value, Mapping) and (value or not keys):
            continue
        where = format_path(keys)
        form = _KEYS.get(tuple(map(str, keys)))
        if form is None:
            message = "only the image of Airflow belongs into the file of the image pipeline"
            yield _finding(path, where, message, "set it in the answers (values:) instead")
            continue
        fits, wanted = _FORMS[form]
        if not isinstance(value, str) or not fits(value) or (form, value) == ("tag", "latest"):
            message = f"is not {wanted}"
            if form == "tag" and not isinstance(value, str):
                message += ": YAML reads it as a number, a date or nothing"
            yield _finding(path, where, message, f"write {wanted}")
            continue
        found[form] = value
    if not ({"tag", "digest"} & set(found)):
        message = "names neither a tag nor a digest, so the chart would run its own image"
        yield _finding(path, "images.airflow.tag", message, "write the tag that the pipeline built")
    yield from _check_version(path, found.get("tag", ""), subject)


def _check_version(path: str, tag: str, subject: Subject) -> Iterator[Finding]:
    version = get_nested(as_mapping(subject.values), "airflowVersion")
    match = _VERSION(tag)
    if match and isinstance(version, str) and match[1] != version:
        message = f"is of Airflow {match[1]}, but airflowVersion is {version}"
        fix = "let the pipeline build and write an image of that version first"
        yield _finding(path, "images.airflow.tag", message, fix)


def _finding(path: str, where: str, message: str, fix: str) -> Finding:
    return Finding("helmsman.image-values", "error", path, where, message, Fix(fix))
