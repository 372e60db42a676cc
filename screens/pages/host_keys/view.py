"""Rendering of one host key: fingerprints in one column, verdict in words, randomart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from screens.text import plain, pluralize
from screens.widgets.dialogs import ConfirmDialog
from wizard.hostkeys.keys import HostKey
from wizard.hostkeys.published import published_keys
from wizard.hostkeys.scan import Scan
from wizard.hostkeys.verdict import COMPARE_HINT, HostKeyVerdict, KnownHost, Refusal, parse_host_key
from wizard.workspace.git_hosts import GitHost

# A fingerprint has 50 characters; all of them start in the same column.
_CAPTION, _COLUMN = 10, 50
_COMPARE = "compare it with the one that the owner publishes or reads out to you, and type it"
_CHANGED = "not the key that was accepted before; somebody may intercept the connection"


class KeyBlock(Horizontal):
    """One key: its lines, and its randomart beside them from 100 columns."""

    def __init__(self, lines: Content, picture: str) -> None:
        super().__init__()
        self.lines, self.picture = lines, picture

    def compose(self) -> Iterator[Widget]:
        """Yield the text, then the randomart."""
        yield Static(self.lines, classes="key")
        yield Static(plain(self.picture), classes="art")


def render_intro(host: GitHost) -> str:
    """Return who trusts the keys of this host, or the sources of published ones."""
    sources = dict.fromkeys(one.source for one in published_keys(host.host, host.port))
    if sources:
        return f"Published, nothing to paste: {', '.join(sources)}"
    if not host.required:
        return (
            "Optional: `apply` gives these keys to Argo CD. Without any, its admin has to add them."
        )
    who = "git-sync trusts" if host.repositories[0] == "dags.repo" else "Pods trust"
    return f"{who} only these keys; type their fingerprints."


def ask_to_leave_out(unproven: Sequence[KnownHost]) -> ConfirmDialog:
    """Return the question whether to go on with the proven keys only."""
    types = ", ".join(one.type for one in unproven)
    title = f"{pluralize(len(unproven), 'key')} without proof"
    text = (
        f"Nobody vouches for {types}. With the proven keys alone, everything works while the "
        "host keeps them. To keep this one, type its fingerprint."
    )
    yes = f"leave {'it' if len(unproven) == 1 else 'them'} out"
    return ConfirmDialog(title, text, yes=yes, no="stay", yes_first=True)


def mark_host(host: GitHost, verdict: HostKeyVerdict | None) -> str:
    """Return `ok` for a host with a verified key, `!` if evidence is missing; else nothing."""
    if verdict is None:
        return ""
    if any(host.needs(one.entry) for one in verdict.refused):
        return "!"
    return "ok" if verdict.accepted else "!" if host.required else ""


@dataclass(frozen=True, slots=True)
class KeyComparison:
    """What a key is compared with: the given keys, the scan, and the verdict on the host."""

    host: str
    port: int
    given_keys: frozenset[HostKey]
    scan: Scan | None
    verdict: HostKeyVerdict | None

    def replaced_fingerprint(self, entry: KnownHost) -> str:
        """Return the fingerprint of the committed key that this one replaces; empty if none."""
        changes = self.verdict.changed if self.verdict else ()
        return next((one.old for one in changes if one.type == entry.type), "")


def render_key(item: KnownHost | Refusal, comparison: KeyComparison) -> tuple[Content, str]:
    """Return the text (all fingerprints in one column, then the verdict) and the randomart."""
    entry = item.entry if isinstance(item, Refusal) else item
    key = parse_host_key(entry)
    if not isinstance(key, HostKey):
        return plain(f"unreadable key: {key}"), ""
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
    """Return the text and randomart of a scanned key that was not accepted, so is not pinned."""
    rows = (
        ("scanned", key.fingerprint),
        ("verdict", "- not pinned: its fingerprint was not typed"),
    )
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
            yield "", "! the host presents a different key of this type"
    sources = {one.key for one in published_keys(comparison.host, comparison.port)}
    if sources:
        yield "published", key.fingerprint if key in sources else "not on its publisher's list"
    if entry.evidence is not None and entry.evidence.kind == "fingerprint":
        yield "typed", key.fingerprint


def _scanned_fingerprint(key: HostKey, scan: Scan) -> str:
    """Return the scanned fingerprint of this key's type, or why there is none."""
    shown = next((one.fingerprint for one in scan.keys if one.type == key.type), "")
    if shown or key.type in scan.missing:
        return shown or "the host has no key of this type"
    return scan.problems.get(key.type) or scan.problem or "not shown"


def _describe_verdict(item: KnownHost | Refusal) -> str:
    if isinstance(item, Refusal):
        # Shortened to one row: most keys have this reason.
        reason = item.reason.replace("proves that this key is", "proves it is")
        return f"! not accepted: {reason}"
    evidence = item.evidence
    if evidence is None:
        return "! not accepted"
    if evidence.kind == "published":
        return "ok, published by its owner"
    author = f" by {evidence.by}" if evidence.by else ""
    return f"ok, fingerprint typed{author} on {evidence.date}"
