"""What the keys of Secrets hold, in words: the text around the values, never a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wizard.secrets.facts import Encoding, FactUse, Form

if TYPE_CHECKING:
    from wizard.secrets.facts import Template

_ENCODED = {Encoding.URL: ", percent-encoded", Encoding.JSON: " as a JSON string"}
_FORMS = {
    Form.FERNET: "32 random bytes in URL-safe base64",
    Form.KEY: "random text, such as 64 bytes in hex",
    Form.SSH_KEY: "private key without a passphrase",
}


def describe_content(content: Template) -> str:
    """Return what a key must hold, with a placeholder for each secret part of it."""
    return "".join(
        f"{{{{ {_describe_fact(part)} }}}}" if isinstance(part, FactUse) else part
        for part in content
    )


def _describe_fact(use: FactUse) -> str:
    form = _FORMS.get(use.fact.form)
    about = f": {form}" if form else ""
    return f"{use.fact.title}{about}{_ENCODED.get(use.encoding, '')}"


def render_contents_table(keys: Iterable[tuple[str, str, Template, str]]) -> str:
    """Return a Markdown table of Secret, key, content and purpose; long contents are below it."""
    lines = ["| Secret | key | holds |", "|---|---|---|"]
    blocks = []
    for secret, key, parts, purpose in keys:
        content = describe_content(parts).rstrip("\n")
        shown = f"`{content}`"
        if "\n" in content:
            shown = "see below"
            blocks.append(f"`{key}` of `{secret}`:\n\n```\n{content}\n```")
        lines.append(f"| `{secret}` | `{key}` | {purpose}: {shown} |")
    return "\n\n".join(["\n".join(lines), *blocks])
