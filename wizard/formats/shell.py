"""Scripts as text: quoting, comments, here-documents, and the seal that tells our own files.

Answers are checked by their types, but a script runs as somebody with rights: whatever comes from
outside is quoted here again, as if they were not.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping

from wizard.formats.terminal import escape_unprintable

Files = Mapping[str, str]

_SEAL = re.compile(r"^(?:#|--|<!--) airflow-wizard handover (\S+) ([0-9a-f]{64})(?: -->)?\n", re.M)
_COMMENTS = {"sh": ("# ", ""), "sql": ("-- ", ""), "md": ("<!-- ", " -->")}


def quote(text: str) -> str:
    """One word of a POSIX shell, whatever is in it."""
    return shlex.quote(text)


def comment(*lines: str, mark: str = "#") -> str:
    """Comment lines; what would end a line is shown instead of obeyed."""
    return "\n".join(f"{mark} {escape_unprintable(line)}".rstrip() for line in lines)


def here_document(command: str, text: str) -> str:
    """The command with this text on its standard input, in which nothing expands."""
    body = text if text.endswith("\n") else f"{text}\n"
    word, lines = "END", body.splitlines()
    while word in lines:
        word += "_"
    return f"{command} <<'{word}'\n{body}{word}"


def script(*parts: str) -> str:
    """A POSIX shell script that stops at the first command that fails."""
    first, *others = (part for part in parts if part)
    return "\n\n".join([f"#!/bin/sh\n{first}", "set -eu", *others]) + "\n"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; nothing in a cell ends it."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(_escape_cell(cell) for cell in line)} |" for line in lines)


def _escape_cell(text: str) -> str:
    return escape_unprintable(text).replace("\\", "\\\\").replace("|", "\\|")


def add_seal(name: str, installation: str, text: str) -> str:
    """The text with a line that says whose it is and proves that nobody changed it since."""
    before, after = _COMMENTS[name.rpartition(".")[2]]
    digest = hashlib.sha256(text.encode()).hexdigest()
    line = f"{before}airflow-wizard handover {installation} {digest}{after}\n"
    if not text.startswith("#!"):
        return line + text
    first, _, rest = text.partition("\n")
    return f"{first}\n{line}{rest}"


def is_untouched(data: bytes, installation: str) -> bool:
    """Whether this is a file of an earlier handover of the installation, as it was written."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    found = _SEAL.search(text)
    if found is None or found[1] != installation:
        return False
    rest = text[: found.start()] + text[found.end() :]
    return hashlib.sha256(rest.encode()).hexdigest() == found[2]
