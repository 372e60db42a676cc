"""Read Vault policies that consist of path stanzas with capabilities.

Source: Vault's policy documentation (exact path, `+` for one segment, `*` at the end; the most
specific path decides, `deny` wins).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\s+|\#[^\n]*|//[^\n]*|/\*.*?\*/|(?P<text>\"(?:[^\"\\\n]|\\.)*\")|(?P<word>[A-Za-z_][\w-]*)"
    r"|(?P<number>\d\w*)|(?P<mark>[{}\[\]=,])",
    re.DOTALL,
)


class HclError(Exception):
    """The policy has a form that this reader does not support; `line` says where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Grant:
    """One `path` stanza."""

    path: str
    capabilities: tuple[str, ...]
    line: int


def parse_policy(text: str) -> tuple[Grant, ...]:
    """Return the stanzas of a policy, in order; HclError for anything but path stanzas."""
    tokens = _tokens(text)
    grants: list[Grant] = []
    at = 0
    while at < len(tokens):
        word, line = tokens[at]
        if word != "path" or at + 2 >= len(tokens) or not tokens[at + 1][0].startswith('"'):
            raise HclError('expected path "..." { capabilities = [...] }', line)
        if tokens[at + 2][0] != "{":
            raise HclError("expected { after the path", tokens[at + 2][1])
        end = _find_closing(tokens, at + 2)
        body = [token for token, _ in tokens[at + 3 : end]]
        grants.append(Grant(_unquote(tokens[at + 1][0]), _capabilities(body, line), line))
        at = end + 1
    return tuple(grants)


def is_allowed(grants: Sequence[Grant], path: str, capability: str) -> bool:
    """Return whether the grants allow the capability on the path.

    All matching stanzas are combined. This is stricter about `deny` than Vault, never more lenient.
    """
    matching = [grant for grant in grants if _matches(grant.path, path)]
    return any(capability in grant.capabilities for grant in matching) and not any(
        "deny" in grant.capabilities for grant in matching
    )


def _matches(pattern: str, path: str) -> bool:
    """Return whether a policy's path covers `path`; `+` is one segment, a final `*` anything."""
    wanted, given = pattern.rstrip("*").split("/"), path.split("/")
    last = wanted.pop() if pattern.endswith("*") else None
    if len(given) < len(wanted) + (last is not None) or (last is None and len(given) > len(wanted)):
        return False
    covers = all(
        one == other or (one == "+" and other) for one, other in zip(wanted, given, strict=False)
    )
    return covers and (last in (None, "+") or given[len(wanted)].startswith(last or ""))


def _capabilities(body: list[str], line: int) -> tuple[str, ...]:
    if "capabilities" not in body:
        raise HclError("the stanza has no capabilities", line)
    start = body.index("capabilities")
    if body[start + 1 : start + 3] != ["=", "["] or "]" not in body[start:]:
        raise HclError("capabilities must be a list", line)
    listed = body[start + 3 : body.index("]", start)]
    return tuple(_unquote(word) for word in listed if word != ",")


def _find_closing(tokens: list[tuple[str, int]], at: int) -> int:
    depth = 0
    for number in range(at, len(tokens)):
        depth += {"{": 1, "}": -1}.get(tokens[number][0], 0)
        if depth == 0:
            return number
    raise HclError("a { is not closed", tokens[at][1])


def _tokens(text: str) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise HclError("this is not a Vault policy", text.count("\n", 0, at) + 1)
        if match.lastgroup:
            found.append((match[0], text.count("\n", 0, at) + 1))
        at = match.end()
    return found


def _unquote(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') else token
