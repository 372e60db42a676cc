"""One host key on its page: fingerprints under each other, the verdict in words, randomart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from screens.text import plain
from wizard.hostkeys import HostKey
from wizard.published import published_keys
from wizard.verdict import Entry, Refusal, Verdict, host_key

# A fingerprint has 50 characters; every one of them, typed or not, begins in the same column.
_CAPTION, _COLUMN = 10, 50


class KeyBlock(Horizontal):
    """One key: lines under each other, its picture beside them from 100 columns."""

    def __init__(self, lines: Content, picture: str) -> None:
        super().__init__()
        self.lines, self.picture = lines, picture

    def compose(self) -> Iterator[Widget]:
        """Text, then randomart."""
        yield Static(self.lines, classes="key")
        yield Static(plain(self.picture), classes="art")


def introduction(host: str, port: int) -> str:
    """What the page is for, by whether the host's publisher prints its keys."""
    if not published_keys(host, port):
        return "git-sync trusts these keys and no other; each counts once its fingerprint is typed."
    sources = dict.fromkeys(one.source for one in published_keys(host, port))
    return f"Published, so nothing need be pasted: {', '.join(sources)}"


def bare(item: object) -> dict[str, object]:
    """A host key's answer without its evidence."""
    if not isinstance(item, dict):
        return {}
    return {name: item.get(name) for name in ("host", "type", "key")}


def key_lines(
    item: Entry | Refusal, verdict: Verdict | None, host: tuple[str, int], *, given: bool
) -> tuple[Content, str]:
    """Every fingerprint of one key in the same column, then the verdict in words."""
    entry = item.entry if isinstance(item, Refusal) else item
    key = host_key(entry)
    if not isinstance(key, HostKey):
        return plain(f"a key that cannot be read: {key}"), ""
    sources = {one.key: one.source for one in published_keys(*host)}
    rows = [("given", key.fingerprint)] if given else []
    if key in sources:
        rows.append(("published", key.fingerprint))
    elif sources:
        rows.append(("published", "not on its publisher's list"))
    if entry.evidence is not None and entry.evidence.kind == "fingerprint":
        rows.append(("typed", key.fingerprint))
    rows += _change(entry, verdict)
    rows.append(("verdict", _words(item)))
    if isinstance(item, Refusal) and key.fingerprint not in item.fix:
        rows.append(("", item.fix))
    title = Content.styled(f"{key.type} {key.bits}", "bold")
    lines = [
        plain(f"{'' if number else label:<{_CAPTION}}{part}")
        for label, text in rows
        for number, part in enumerate(wrap(text, _COLUMN))
    ]
    return Content("\n").join([title, *lines, plain("")]), key.randomart()


def _change(entry: Entry, verdict: Verdict | None) -> Sequence[tuple[str, str]]:
    changes = verdict.changed if verdict else ()
    return [("before", one.old) for one in changes if one.type == entry.type]


def _words(item: Entry | Refusal) -> str:
    if isinstance(item, Refusal):
        return f"! not accepted: {item.reason}"
    evidence = item.evidence
    if evidence is None:
        return "! not accepted"
    if evidence.kind == "published":
        return "ok, published by its owner"
    who = f" by {evidence.by}" if evidence.by else ""
    return f"ok, fingerprint typed{who} on {evidence.date}"
