"""The text of a Secret's key: as a template for External Secrets, and composed here.

Both give the same text, which is tested with the operator's own engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from wizard.secrets.facts import Encoding, Fact, FactUse, Form, url_quote

if TYPE_CHECKING:
    from wizard.secrets.facts import SecretSpec, Template

# `urlquery` encodes a space as +, which is not decoded in the password of a URL.
_FILTERS = {
    Encoding.RAW: "",
    Encoding.URL: ' | urlquery | replace "+" "%20"',
    Encoding.USERLIST: ' | replace "\\"" "\\"\\""',
    Encoding.JSON: " | toJson",
    # OpenSSH refuses a key with CRLF or without a final newline; the template adds the newline.
    Encoding.PEM: ' | replace "\\r" "" | trim',
}
_KEY_AS_JSON = f'{_FILTERS[Encoding.PEM]} | printf "%s\\n" | toJson'
# Go's encoder escapes these in strings, so that JSON is safe inside HTML.
_JSON_ESCAPES = str.maketrans({one: f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"})


def go_template(template: Template, *, document: bool) -> str:
    """Return the text of one Secret key for template engine v2 of the operator.

    Literal text that would open an action is quoted, so an answer never becomes template code.
    """
    text = ""
    for part in template:
        if isinstance(part, FactUse):
            place = f"(fromYaml .config).{part.fact.place}" if document else f".{part.fact.key}"
            text += "{{ " + place + _filters(part) + " }}"
        else:
            text += _literal(part)
    return text


def _literal(text: str) -> str:
    quoted = text.replace("{{", '{{ "{{" }}')
    # A brace at the end would become part of the action that follows.
    return f'{quoted[:-1]}{{{{ "{{" }}}}' if quoted.endswith("{") else quoted


def _filters(use: FactUse) -> str:
    if use.encoding is Encoding.JSON and use.fact.form is Form.SSH_KEY:
        return _KEY_AS_JSON
    return _FILTERS[use.encoding]


def compose_keys(secret: SecretSpec, read: Callable[[Fact], str]) -> dict[str, str]:
    """Return the texts of a Secret's keys; `read` returns the value of a fact."""
    return {key: compose_text(parts, read) for key, parts in secret.keys.items()}


def compose_text(template: Template, read: Callable[[Fact], str]) -> str:
    """Return the text of one key, as the operator composes it from the same values."""
    return "".join(
        _encode(part, read(part.fact)) if isinstance(part, FactUse) else part for part in template
    )


def _encode(use: FactUse, value: str) -> str:
    if use.encoding is Encoding.JSON and use.fact.form is Form.SSH_KEY:
        return _to_json(f"{_trim_pem(value)}\n")
    return _ENCODERS[use.encoding](value)


def _to_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate(_JSON_ESCAPES)


def _trim_pem(text: str) -> str:
    return text.replace("\r", "").strip()


_ENCODERS: Mapping[Encoding, Callable[[str], str]] = {
    Encoding.RAW: str,
    Encoding.URL: url_quote,
    Encoding.USERLIST: lambda text: text.replace('"', '""'),
    Encoding.JSON: _to_json,
    Encoding.PEM: _trim_pem,
}
