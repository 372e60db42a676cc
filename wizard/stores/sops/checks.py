"""Checks of the encrypted files: nothing in them is plain text, and only recipients can read them.

Source: SOPS 3.13 (see `wizard.formats.sops_files`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wizard.checks.subject import Subject, as_mapping, get_nested
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.formats.sops_files import SECRET_FIELDS, find_faults, list_recipients
from wizard.formats.terminal import format_first
from wizard.manifests.objects import COMPOSITION_ANNOTATION
from wizard.stores.sops.questions import RECIPIENTS_KEY

if TYPE_CHECKING:
    from wizard.manifests.contribution import EncryptedFile

_RUN = "run airflow-wizard secrets with these answers, then commit"


def check_encrypted_files(subject: Subject) -> Iterator[Finding]:
    """Check every encrypted file that the installation has, and report those that it lacks."""
    missing = []
    for one in subject.layout.encrypted:
        if one.path not in subject.files:
            missing.append(one)
            continue
        found = [document for document in subject.documents if document.path == one.path]
        if len(found) != 1:
            message = "is not one YAML document, so it is not what SOPS encrypted"
            yield Finding("sops.file", "error", one.path, "", message, Fix("restore it from Git"))
            continue
        yield from _check_file(one, found[0].data)
    if missing:
        names = format_first([one.secret or "the values" for one in missing])
        message = f"not encrypted yet: {names}; Airflow cannot start without its Secrets"
        yield Finding("sops.missing", "warning", missing[0].path, "", message, Fix(_RUN))


def _check_file(one: EncryptedFile, data: Mapping[str, Any]) -> Iterator[Finding]:
    for where, message in find_faults(data, secret=bool(one.secret)):
        fix = "restore the file from Git, and change it with `sops edit` only; rotate a real secret"
        yield Finding("sops.file", "error", one.path, where, message, Fix(fix))
    found = set(list_recipients(data))
    for key in sorted(found - set(one.recipients)):
        message = f"{key} can decrypt it, and is not in {RECIPIENTS_KEY}"
        fix = f"add it to {RECIPIENTS_KEY} if you trust it; else {_RUN}"
        yield Finding("sops.recipient", "error", one.path, "sops.age", message, Fix(fix))
    if left := sorted(set(one.recipients) - found):
        message = f"not encrypted for {format_first(left)} yet"
        yield Finding("sops.stale", "warning", one.path, "sops.age", message, Fix(_RUN))
    if one.secret and not _is_composed(one, data):
        message = f"Secret {one.secret} was composed for other answers"
        yield Finding("sops.stale", "warning", one.path, "", message, Fix(_RUN))


def _is_composed(one: EncryptedFile, data: Mapping[str, Any]) -> bool:
    """Return whether a file has the Secret that the answers describe, whatever its values are."""
    keys = [str(key) for field in SECRET_FIELDS for key in as_mapping(data.get(field))]
    return (
        get_nested(data, "metadata", "name") == one.secret
        and get_nested(data, "metadata", "annotations", COMPOSITION_ANNOTATION) == one.composition
        and sorted(keys) == sorted(one.keys)
    )


CHECKS = (check_encrypted_files,)
