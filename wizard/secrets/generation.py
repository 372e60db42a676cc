"""Generates values in the form their readers need, from system randomness, in memory only.

Every form is plain ASCII without characters that a URL, YAML, a users file or a shell would
interpret. Lengths: Airflow's own for a Fernet key (32 bytes in URL-safe base64), the chart's for
signing keys (128 characters), 192 bits for a password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard.secrets.facts import Form

if TYPE_CHECKING:
    from pydantic import SecretStr


def generate_value(form: Form) -> SecretStr:
    """Return a new value; ValueError for forms not generated here (deploy keys, given values)."""
    import base64
    import secrets

    if form is Form.FERNET:
        return SecretStr(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    if form is Form.KEY:
        return SecretStr(secrets.token_hex(64))
    if form is Form.PASSWORD:
        return SecretStr(secrets.token_hex(24))
    raise ValueError(f"a value of the form {form.value} is not generated here")


def find_form_problem(form: Form, value: str) -> str:
    """Return why a stored value cannot work, without the value; empty if it can."""
    import base64
    import binascii

    if not value.strip():
        return "is empty"
    if form is Form.FERNET:
        # Several keys, newest first, during a key rotation (airflow rotate-fernet-key).
        for part in value.split(","):
            try:
                size = len(base64.urlsafe_b64decode(part.strip().encode("ascii")))
            except (binascii.Error, UnicodeEncodeError, ValueError):
                size = 0
            if size != 32:
                return "is not a Fernet key: 32 bytes in URL-safe base64"
    return ""
