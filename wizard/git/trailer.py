"""The commit message trailer with the digest of the displayed plan."""

from __future__ import annotations

from collections.abc import Iterator

from wizard.git.changes import DIGEST_PREFIX

TRAILER = "Airflow-Wizard-Plan"


def format_trailer(digest: str) -> str:
    """Return the trailer line for the digest of the displayed plan."""
    if not digest.startswith(DIGEST_PREFIX) or len(digest) != len(DIGEST_PREFIX) + 64:
        raise ValueError(f"not a plan digest: {digest!r}")
    return f"{TRAILER}: {digest}"


def parse_trailer(message: str) -> str | None:
    """Return the digest in a message's last paragraph; None unless it has exactly one."""
    paragraphs = [part for part in message.replace("\r\n", "\n").strip().split("\n\n") if part]
    found = list(_trailers(paragraphs[-1])) if paragraphs else []
    return found[0] if len(found) == 1 else None


def _trailers(paragraph: str) -> Iterator[str]:
    for line in paragraph.splitlines():
        key, separator, value = line.partition(":")
        if not separator or key.strip().lower() != TRAILER.lower():
            continue
        digest = value.strip()
        hexadecimal = digest.removeprefix(DIGEST_PREFIX)
        if digest != hexadecimal and len(hexadecimal) == 64 and _is_hex(hexadecimal):
            yield digest


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
