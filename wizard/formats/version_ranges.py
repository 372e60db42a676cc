"""Ranges of versions as Helm, Argo CD and Flux read them: `1.22.0`, `~1.22`, `1.x`, `>=1.19 <2`.

Source: Masterminds/semver 3 (the constraints of Helm), without pre-releases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Version = tuple[int, int, int]

_NUMBER = r"(\d{1,6}|[xX*])"
_PART = re.compile(
    rf"(=|!=|>=|=>|<=|=<|>|<|~>|~|\^)?\s*v?{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?"
    r"(?:[-+][0-9A-Za-z.+-]+)?"
)
_EXACT = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:\+[0-9A-Za-z.-]+)?\Z").match


def parse_version(text: str) -> Version | None:
    """Return an exact version X.Y.Z, with or without a leading v; None for anything else."""
    match = _EXACT(text.strip())
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def split_version(text: str) -> Version:
    """Return the numbers of a version that is known to be X.Y.Z; ValueError for anything else."""
    major, minor, patch = (int(part) for part in text.split("."))
    return major, minor, patch


def is_in_range(version: Version, text: str) -> bool:
    """Return whether a range contains the version; a text that is no range contains none."""
    choices = text.split("||")
    return any(_is_in_all(version, choice) for choice in choices)


def _is_in_all(version: Version, text: str) -> bool:
    low, hyphen, high = text.strip().partition(" - ")
    text = f">={low} <={high}" if hyphen else low
    at, found = 0, False
    while at < len(text):
        if text[at] in " ,":
            at += 1
            continue
        match = _PART.match(text, at)
        if match is None:
            return False
        given = [int(part) for part in match.groups()[1:] if part and part.isdecimal()]
        if not _COMPARISONS[match[1] or "="](version, given):
            return False
        at, found = match.end(), True
    return found


def _compare(version: Version, given: list[int]) -> int:
    """Return -1, 0 or 1; parts that are not given are equal."""
    left, right = list(version[: len(given)]), given
    return (left > right) - (left < right)


def _is_caret(version: Version, given: list[int]) -> bool:
    fixed = next((at for at, part in enumerate(given) if part), len(given) - 1) + 1
    return _compare(version, given) >= 0 and list(version[:fixed]) == given[:fixed]


def _is_tilde(version: Version, given: list[int]) -> bool:
    return _compare(version, given) >= 0 and list(version[:2])[: len(given)] == given[:2]


_COMPARISONS: Mapping[str, Callable[[Version, list[int]], bool]] = {
    "=": lambda version, given: _compare(version, given) == 0,
    "!=": lambda version, given: _compare(version, given) != 0,
    ">": lambda version, given: _compare(version, given) > 0,
    "<": lambda version, given: _compare(version, given) < 0,
    **dict.fromkeys((">=", "=>"), lambda version, given: _compare(version, given) >= 0),
    **dict.fromkeys(("<=", "=<"), lambda version, given: _compare(version, given) <= 0),
    **dict.fromkeys(("~", "~>"), _is_tilde),
    "^": _is_caret,
}
