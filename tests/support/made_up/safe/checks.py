"""What is checked of a safe in a tree."""

from __future__ import annotations

from collections.abc import Iterator

from wizard.checks.subject import Subject, get_nested
from wizard.errors import Fix
from wizard.findings import Finding


def check_shelf(subject: Subject) -> Iterator[Finding]:
    for store in subject.objects("SecretStore"):
        if str(get_nested(store.spec, "provider", "webhook", "url")).endswith("/shelf-9"):
            message, fix = "the ninth shelf is damp", Fix("use a dry one", "secrets.safe.shelf")
            yield Finding("safe.damp", "error", store.path, "spec.provider", message, fix)


CHECKS = (check_shelf,)
