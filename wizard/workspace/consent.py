"""Finds secret references that are new to the target branch and need your consent to be read.

Otherwise an answers file from somebody else could send your passwords to their Vault. A reference
has consent once the same text is committed on the target branch (`wizard.git.target`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from wizard.answers.questions import field_specs
from wizard.errors import RefusedError, UsageError
from wizard.formats.messages import UNKNOWN_KEY, show_name
from wizard.formats.nested import get_value

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.secrets.facts import Fact
    from wizard.secrets.references import SecretRef

VAULT_SERVER_KEY = "secrets.vault.server"
DAGS_REPO_KEY, CONFIG_REPO_KEY = "dags.repo", "delivery.argocd.repo_url"
_READ_KINDS = ("env", "file")


def reference_key(answers: Answers, reference: SecretRef) -> str:
    """Return the dotted key of the question that has this reference (the same object) as answer."""
    return next(
        item.key
        for item in field_specs(type(answers))
        if item.kind == "secret" and get_value(answers, item.path) is reference
    )


def new_references(
    answers: Answers, facts: Iterable[Fact], agreed: Mapping[str, Any]
) -> dict[str, SecretRef]:
    """Return the env and file references of these facts that are not in `agreed`, by key."""
    found = {}
    for fact in facts:
        reference = fact.reference
        if reference is None or reference.kind not in _READ_KINDS:
            continue
        key = reference_key(answers, reference)
        if get_value(agreed, (*key.split("."), reference.kind)) != reference.argument:
            found[key] = reference
    return found


def require_reference_keys(allowed: Iterable[str]) -> None:
    """Raise UsageError for a KEY of --allow-reference that is not a reference's key."""
    known = {item.key for item in field_specs() if item.kind == "secret"}
    known |= {VAULT_SERVER_KEY, DAGS_REPO_KEY, CONFIG_REPO_KEY}
    for key in allowed:
        if key not in known:
            raise UsageError(
                f"--allow-reference {show_name(key, known) or UNKNOWN_KEY}: "
                "no secret reference has this key",
                f"use one of: {', '.join(sorted(known))}",
            )


def consent_error(keys: Iterable[str]) -> RefusedError:
    """Return the error for references without consent."""
    named = list(keys)
    options = " ".join(f"--allow-reference {key}" for key in named)
    return RefusedError(
        f"new on the target branch, and not confirmed: {', '.join(named)}; nothing was read",
        f"check these answers, then add {options}",
    )
