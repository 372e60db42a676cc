"""Reads the claims of a JSON Web Token without verifying it."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


def parse_audiences(jwt: str) -> tuple[str, ...]:
    """Return a token's audiences, unverified; empty if the text is not a token."""
    parts = jwt.split(".")
    try:
        body = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        found = body.get("aud", ())
    except (IndexError, ValueError, AttributeError, binascii.Error):
        return ()
    named = [found] if isinstance(found, str) else found
    return tuple(str(one)[:200] for one in named) if isinstance(named, list | tuple) else ()
