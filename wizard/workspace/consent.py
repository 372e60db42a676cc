"""Finds secret references that are new to the target branch and need your consent to be read.

Otherwise an answers file from somebody else could send your passwords to their Vault. A reference
has consent once the same text is committed on the target branch (`wizard.git.target`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from wizard.answers.questions import field_specs, list_references
from wizard.errors import RefusedError, UsageError
from wizard.formats.messages import UNKNOWN_KEY, show_name
from wizard.formats.nested import get_value
from wizard.stores.registry import store_kinds

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.secrets.facts import Fact
    from wizard.secrets.references import SecretRef

DAGS_REPO_KEY, CONFIG_REPO_KEY = "dags.repo", "delivery.argocd.repo_url"
EXTRA_KEY = "secrets.extra."
BUNDLES_KEY = "dags.bundles."
# Where the named items of a list hold their references, by the beginning of a reference's key.
_LISTED: Mapping[str, tuple[str, ...]] = {EXTRA_KEY: ("values",), BUNDLES_KEY: ()}
_READ_KINDS = ("env", "file")


def reference_key(answers: Answers, reference: SecretRef) -> str:
    """Return the dotted key of this reference (the same object) in the answers."""
    return next(key for key, one in list_references(answers) if one is reference)


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
        if not is_agreed(agreed, key, reference):
            found[key] = reference
    return found


def is_agreed(agreed: Mapping[str, Any], key: str, reference: SecretRef) -> bool:
    """Return whether the raw answers `agreed` have this reference at this key."""
    return bool(_find_agreed(agreed, key).get(reference.kind) == reference.argument)


def _find_agreed(agreed: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the raw reference at this key; empty if there is none."""
    found: Any = get_value(agreed, tuple(key.split(".")))
    for start, inside in _LISTED.items():
        if key.startswith(start):
            found = _find_listed(agreed, start, inside, key)
    return found if isinstance(found, Mapping) else {}


def _find_listed(
    agreed: Mapping[str, Any], start: str, inside: tuple[str, ...], key: str
) -> object:
    """Return the raw reference of a named item of a list; None if there is none."""
    listed = get_value(agreed, tuple(start[:-1].split(".")))
    return next(
        (
            get_value(one, (*inside, key.removeprefix(f"{start}{one.get('name')}.")))
            for one in (listed if isinstance(listed, list) else [])
            if isinstance(one, Mapping) and key.startswith(f"{start}{one.get('name')}.")
        ),
        None,
    )


def require_reference_keys(allowed: Iterable[str], answers: Answers) -> None:
    """Raise UsageError for a KEY of --allow-reference that is not a reference's key."""
    known = {item.key for item in field_specs() if item.kind == "secret"}
    known |= {DAGS_REPO_KEY, CONFIG_REPO_KEY}
    known |= {kind.server_key for kind in store_kinds() if kind.server_key}
    known |= {key for key, _ in list_references(answers)}
    lists = tuple(f"{kind.trusted_keys}." for kind in store_kinds() if kind.trusted_keys)
    for key in allowed:
        if key not in known and not key.startswith(lists):
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
