"""Builds scripts as text: quoting, comments, here-documents, and a seal in generated files.

The types of the answers validate every value. But a script runs with a person's rights, so this
module quotes every value as if it had not been validated.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping

from wizard.formats.terminal import escape_unprintable

Files = Mapping[str, str]

_SEAL = re.compile(r"^(?:#|--|<!--) airflow-wizard handover (\S+) ([0-9a-f]{64})(?: -->)?\n", re.M)
_COMMENTS = {"sh": ("# ", ""), "yaml": ("# ", ""), "sql": ("-- ", ""), "md": ("<!-- ", " -->")}


def quote(text: str) -> str:
    """Return the text as one word of a POSIX shell."""
    return shlex.quote(text)


def comment(*lines: str, mark: str = "#") -> str:
    """Return comment lines; escapes characters that could end a line."""
    return "\n".join(f"{mark} {escape_unprintable(line)}".rstrip() for line in lines)


def here_document(command: str, text: str) -> str:
    """Return the command with a here-document of the text; the shell expands nothing in it."""
    body = text if text.endswith("\n") else f"{text}\n"
    word, lines = "END", body.splitlines()
    while word in lines:
        word += "_"
    return f"{command} <<'{word}'\n{body}{word}"


def script(*parts: str) -> str:
    """Return a POSIX shell script that stops at the first failing command."""
    first, *others = (part for part in parts if part)
    return "\n\n".join([f"#!/bin/sh\n{first}", "set -eu", *others]) + "\n"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; escapes characters that would end a cell."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(_escape_cell(cell) for cell in line)} |" for line in lines)


def _escape_cell(text: str) -> str:
    return escape_unprintable(text).replace("\\", "\\\\").replace("|", "\\|")


def add_seal(name: str, installation: str, text: str) -> str:
    """Return the text with an added line that has the installation and a digest of the text."""
    before, after = _COMMENTS[name.rpartition(".")[2]]
    digest = hashlib.sha256(text.encode()).hexdigest()
    line = f"{before}airflow-wizard handover {installation} {digest}{after}\n"
    if not text.startswith("#!"):
        return line + text
    first, _, rest = text.partition("\n")
    return f"{first}\n{line}{rest}"


def is_untouched(data: bytes, installation: str) -> bool:
    """Return whether the file is from a handover of this installation and was not changed."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    found = _SEAL.search(text)
    if found is None or found[1] != installation:
        return False
    rest = text[: found.start()] + text[found.end() :]
    return hashlib.sha256(rest.encode()).hexdigest() == found[2]
