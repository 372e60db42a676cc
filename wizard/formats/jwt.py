"""Reads the claims of a JSON Web Token without verifying it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any


def parse_audiences(jwt: str) -> tuple[str, ...]:
    """Return a token's audiences, unverified; empty if the text is not a token."""
    found = _parse_claims(jwt).get("aud", ())
    named = [found] if isinstance(found, str) else found
    return tuple(str(one)[:200] for one in named) if isinstance(named, list | tuple) else ()


def parse_issuer(jwt: str) -> str:
    """Return a token's issuer, unverified; empty if it has none or the text is not a token."""
    found = _parse_claims(jwt).get("iss", "")
    return found[:200] if isinstance(found, str) else ""


def _parse_claims(jwt: str) -> Mapping[str, Any]:
    parts = jwt.split(".")
    try:
        body = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return body if isinstance(body, dict) else {}
