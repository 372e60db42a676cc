"""Generates secret values in the form that programs need; they stay in memory.

The source is the system's random generator. Every form is plain ASCII without characters that have
a meaning in a URL, YAML, a PgBouncer users file or a shell. Lengths: Airflow's for a Fernet key (32
bytes in URL-safe base64), the chart's for signing keys (128 characters), 192 bits for a password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard.secrets.facts import Fact, Form

if TYPE_CHECKING:
    from pydantic import SecretStr


def generate_value(form: Form) -> SecretStr:
    """Return a new value; ValueError for deploy keys and given values, not generated here."""
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
    """Return why a stored value cannot work, without the value; empty if it looks usable."""
    import base64
    import binascii

    if not value.strip():
        return "is empty"
    if form is Form.FERNET:
        # During a rotation (airflow rotate-fernet-key) there are several keys, newest first.
        for part in value.split(","):
            try:
                size = len(base64.urlsafe_b64decode(part.strip().encode("ascii")))
            except (binascii.Error, UnicodeEncodeError, ValueError):
                size = 0
            if size != 32:
                return "is not a Fernet key: 32 bytes in URL-safe base64"
    return ""


def find_value_problem(fact: Fact, value: str) -> str:
    """Return why a value of this fact cannot work, without the value; empty if it looks usable."""
    if problem := find_form_problem(fact.form, value):
        return problem
    return fact.rule.find_problem(value) if fact.rule else ""
