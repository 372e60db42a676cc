"""Finds the markers that Git writes into a file of which it could not merge two versions."""

from __future__ import annotations

import re

UNRESOLVED = "has the markers of an unresolved merge by Git"
RESOLVE = (
    "keep the lines of one side, remove the lines that begin with `<<<<<<<`, `=======` and "
    "`>>>>>>>`, commit that"
)
_START = b"<" * 7 + b" "
# With the style diff3, Git also writes `|||||||` between the first two.
_MARKED = re.compile(rb"^<{7} .*?^={7}\r?$.*?^>{7} ", re.MULTILINE | re.DOTALL)


def find_git_marker(data: bytes) -> int:
    """Return the line of the first marker, counted from 1; 0 if there is none."""
    if _START not in data:
        return 0
    found = _MARKED.search(data)
    return data.count(b"\n", 0, found.start()) + 1 if found else 0
