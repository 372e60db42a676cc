"""One host key on its page: fingerprints under each other, the verdict in words, randomart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from screens.text import plain
from wizard.hostkeys.keys import HostKey
from wizard.hostkeys.published import published_keys
from wizard.hostkeys.scan import Scan
from wizard.hostkeys.verdict import COMPARE_HINT, HostKeyVerdict, KnownHost, Refusal, parse_host_key

# A fingerprint has 50 characters; every one of them, typed or not, begins in the same column.
_CAPTION, _COLUMN = 10, 50
_COMPARE = "compare it with what the owner publishes or reads out to you, and type it"
_CHANGED = "not the key that was accepted before; somebody may be between you and the host"


class KeyBlock(Horizontal):
    """One key: lines under each other, its picture beside them from 100 columns."""

    def __init__(self, lines: Content, picture: str) -> None:
        super().__init__()
        self.lines, self.picture = lines, picture

    def compose(self) -> Iterator[Widget]:
        """Text, then randomart."""
        yield Static(self.lines, classes="key")
        yield Static(plain(self.picture), classes="art")


def render_intro(host: str, port: int) -> str:
    """What the page is for, by whether the host's publisher prints its keys."""
    if not published_keys(host, port):
        return "git-sync trusts no other key; type each one's fingerprint."
    sources = dict.fromkeys(one.source for one in published_keys(host, port))
    return f"Published, so nothing need be pasted: {', '.join(sources)}"


def strip_evidence(item: object) -> dict[str, object]:
    """A host key's answer without its evidence."""
    if not isinstance(item, dict):
        return {}
    return {name: item.get(name) for name in ("host", "type", "key")}


def parse_answer_key(item: object) -> HostKey | None:
    """The key of one answer; None when it is none."""
    if not isinstance(item, dict):
        return None
    key = parse_host_key(KnownHost("", str(item.get("type")), str(item.get("key"))))
    return key if isinstance(key, HostKey) else None


@dataclass(frozen=True, slots=True)
class KeyComparison:
    """What a key is shown beside: the host, the keys given, what it showed, and the verdict."""

    host: str
    port: int
    given_keys: frozenset[HostKey]
    scan: Scan | None
    verdict: HostKeyVerdict | None

    def replaced_fingerprint(self, entry: KnownHost) -> str:
        """The fingerprint of the committed key that this one would replace; empty for none."""
        changes = self.verdict.changed if self.verdict else ()
        return next((one.old for one in changes if one.type == entry.type), "")


def render_key(item: KnownHost | Refusal, comparison: KeyComparison) -> tuple[Content, str]:
    """Every fingerprint of one key in the same column, then the verdict in words."""
    entry = item.entry if isinstance(item, Refusal) else item
    key = parse_host_key(entry)
    if not isinstance(key, HostKey):
        return plain(f"a key that cannot be read: {key}"), ""
    rows = list(_fingerprints(entry, key, comparison))
    is_changed = bool(comparison.replaced_fingerprint(entry)) and isinstance(item, Refusal)
    rows.append(("verdict", f"! CHANGED: {_CHANGED}" if is_changed else _describe_verdict(item)))
    if isinstance(item, Refusal) and key.fingerprint not in item.fix:
        rows.append(("", item.fix.replace(COMPARE_HINT, _COMPARE)))
    title = Content.styled(f"{key.type} {key.bits}", "bold")
    lines = [
        plain(f"{'' if number else label:<{_CAPTION}}", "$text-muted") + plain(part, _style(part))
        for label, text in rows
        for number, part in enumerate(wrap(text, _COLUMN))
    ]
    return Content("\n").join([title, *lines]), key.randomart()


def render_unaccepted_key(key: HostKey) -> tuple[Content, str]:
    """A key that the host showed beside those accepted; it is not pinned."""
    rows = (("scanned", key.fingerprint), ("verdict", "- left out: its fingerprint was not typed"))
    lines = [plain(f"{label:<{_CAPTION}}", "$text-muted") + plain(text) for label, text in rows]
    title = Content.styled(f"{key.type} {key.bits}", "bold")
    return Content("\n").join([title, *lines]), key.randomart()


def _style(text: str) -> str:
    return "$text-error" if text.startswith("!") else ""


def _fingerprints(
    entry: KnownHost, key: HostKey, comparison: KeyComparison
) -> Iterator[tuple[str, str]]:
    if comparison.replaced_fingerprint(entry):
        yield "before", comparison.replaced_fingerprint(entry)
    if key in comparison.given_keys:
        yield "given", key.fingerprint
    if comparison.scan is not None:
        scanned = _scanned_fingerprint(key, comparison.scan)
        yield "scanned", scanned
        if scanned != key.fingerprint and scanned.startswith("SHA256:"):
            yield "", "! the host shows another key of this type"
    sources = {one.key for one in published_keys(comparison.host, comparison.port)}
    if sources:
        yield "published", key.fingerprint if key in sources else "not on its publisher's list"
    if entry.evidence is not None and entry.evidence.kind == "fingerprint":
        yield "typed", key.fingerprint


def _scanned_fingerprint(key: HostKey, scan: Scan) -> str:
    """What the host showed of this key's type: its fingerprint, or why there is none."""
    shown = next((one.fingerprint for one in scan.keys if one.type == key.type), "")
    if shown or key.type in scan.missing:
        return shown or "the host has no key of this type"
    return scan.problems.get(key.type) or scan.problem or "not shown"


def _describe_verdict(item: KnownHost | Refusal) -> str:
    if isinstance(item, Refusal):
        # One row for what stands at most of the keys.
        reason = item.reason.replace("proves that this key is", "proves it is")
        return f"! not accepted: {reason}"
    evidence = item.evidence
    if evidence is None:
        return "! not accepted"
    if evidence.kind == "published":
        return "ok, published by its owner"
    author = f" by {evidence.by}" if evidence.by else ""
    return f"ok, fingerprint typed{author} on {evidence.date}"
