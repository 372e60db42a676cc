"""Types of what answers say about age: public keys, and the people and programs that have them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from wizard.formats.types import Text

_PRIVATE = ("AGE-SECRET-KEY-", "PRIVATE KEY")
_HINT = "give the public key that age-keygen prints: age1 and 58 letters and digits"


def _recipient(value: str) -> str:
    if any(mark in value.upper() for mark in _PRIVATE):
        raise ValueError(
            "this is a private key, and it has now been exposed: create a new one, and give its "
            "public key (age1...)"
        )
    if not value.startswith("age1") or value != value.lower():
        raise ValueError(_HINT)
    from pyrage import RecipientError, x25519

    try:
        x25519.Recipient.from_str(value)
    except RecipientError:
        more = ", of no plugin" if value.count("1") > 1 and len(value) != 62 else ""
        raise ValueError(f"{_HINT}{more}; one of them is mistyped or missing") from None
    return value


def _remark(value: str) -> str:
    if not value.strip() or len(value) > 120:
        raise ValueError("say it in 1 to 120 characters")
    return value


# An X25519 key, with its checksum. Source: age 1.3, C2SP age.md.
AgeRecipient = Annotated[Text, AfterValidator(_recipient)]
Remark = Annotated[Text, AfterValidator(_remark)]
