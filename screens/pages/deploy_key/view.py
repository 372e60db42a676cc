"""What the deploy-key page says: what will happen, what is there, and what to do with it.

Nothing here holds a secret: a reference, the public part, and what was found out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from screens.pages.deploy_key.store import GIT_KEY
from screens.text import plain, pluralize
from wizard.clients.forge_pages import find_key_page
from wizard.clients.vault.address import LOGIN_HINT
from wizard.hostkeys.keys import HostKey
from wizard.provisioning.steps import format_items, secrets_command
from wizard.secrets.deploy_key import choose_kind, fingerprint
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    from screens.pages.deploy_key.tasks import KeyStatus
    from wizard.answers.model import Answers
    from wizard.clients.forge_pages import DeployKeyPage
    from wizard.engine.probes import Probe, ProbeResult
    from wizard.errors import WizardError

CAPTION_WIDTH, COLUMN_WIDTH = 10, 50
INTRO = "The one key that git-sync clones with; it may only read."
_WORDS = {"pass": "pass", "warn": "! pass", "fail": "! FAIL", "skip": "skipped",
          "unknown": "unverified"}  # fmt: skip
CaptionRow = tuple[str, str]


@dataclass(frozen=True)
class KeyView:
    """All that the page is drawn from. `login` is who the operator is to the store, if anybody."""

    answers: Answers
    status: KeyStatus
    error: WizardError | None
    login: str
    width: int

    @property
    def public(self) -> str:
        """The recorded public line."""
        return self.answers.dags.key.public

    @property
    def is_in_vault(self) -> bool:
        """Whether the wizard can look into the store."""
        return store_kind(self.answers.secrets.store).fillable

    @property
    def is_stored(self) -> bool:
        """Whether the store was seen to hold the key."""
        return (
            self.status.store_contents is not None
            and self.status.store_contents.state_of(GIT_KEY) == "kept"
        )

    @property
    def page(self) -> DeployKeyPage | None:
        """The provider's page for deploy keys."""
        return find_key_page(self.answers.dags.repo)

    @property
    def is_proven(self) -> bool:
        """Whether every look of the proof passed."""
        results = [result for _, result in self.status.proof.values()]
        return bool(results) and all(one and one.status in {"pass", "warn"} for one in results)


def render_title(answers: Answers) -> str:
    """Whose key it is."""
    location = answers.dags.location
    if location is None:
        return "Deploy key"
    port = "" if location.port == 22 else f":{location.port}"
    return f"Deploy key of {location.host}{port}/{location.path}"


def render_facts(view: KeyView) -> Content:
    """Kind, place, state and public part under each other."""
    rows = [*_key_rows(view), *_place_rows(view), *_store_rows(view), *_public_rows(view)]
    return _render_rows(rows, COLUMN_WIDTH)


def render_problems(view: KeyView) -> Content:
    """What went wrong, what lacks, and what it means where nobody here can change that."""
    wide = max(20, view.width - CAPTION_WIDTH)
    parts: list[Content] = []
    if view.error is not None:
        rows = [("!", view.error.message), ("", view.error.hint)]
        parts.append(_render_rows([row for row in rows if row[1]], wide))
    contents = view.status.store_contents
    if contents is not None and contents.missing_items:
        heading = f"the store lacks {pluralize(len(contents.missing_items), 'value')}:"
        unset_variables = [f"! not set here: {name}" for name in contents.unset_variables]
        lines = [heading, *(f"  {line}" for line in format_items(contents.items)), *unset_variables]
        parts.append(plain("\n".join(lines)))
    if contents is not None and contents.other_paths:
        command = secrets_command(view.answers.installation.name)
        rows = [("further", one) for one in contents.other_paths]
        parts.append(_render_rows([*rows, ("", f"this page does not fill it: {command}")], wide))
    deferred_rows = list(_deferred_rows(view))
    parts += [_render_rows(deferred_rows, wide)] if deferred_rows else []
    return Content("\n\n").join(parts)


def render_public_line(view: KeyView) -> Content:
    """The public line, whole, in as few rows as fit."""
    line, width = view.public, max(20, view.width)
    rows = [line[at : at + width] for at in range(0, len(line), width)]
    return Content("\n").join(plain(row, "bold") for row in rows)


def render_proof(view: KeyView) -> Content:
    """Where the line is registered, and the proof."""
    rows = [*_registration_rows(view), *_proof_rows(view)] if view.public else []
    return _render_rows(rows, max(20, view.width - CAPTION_WIDTH))


def draw_randomart(public: str) -> str:
    """Randomart of the public part; empty where it is none."""
    key = _parse_public(public)
    return key.randomart() if key else ""


def _parse_public(public: str) -> HostKey | None:
    words = public.split()
    try:
        return HostKey(words[0], words[1])
    except (IndexError, ValueError):
        return None


def _key_rows(view: KeyView) -> Iterator[CaptionRow]:
    reference = view.answers.dags.key
    location = view.answers.dags.location
    host = location.host if location else ""
    if reference.kind == "generate":
        rsa = choose_kind(host) == "rsa"
        kind = f"RSA 3072, for {host} takes no ed25519" if rsa else "ed25519"
        yield "key", f"made here, in memory, once: {kind}"
    elif reference.kind == "store":
        yield "key", "put into the store by somebody else; none is made here"
    elif reference.kind == "prompt":
        yield "key", "yours; it is asked for, unseen, when it is stored"
    else:
        yield "key", f"yours, from {reference}"
    if view.status.repairs is not None:
        yield "read", "ok, a private key without a passphrase"
        if view.status.repairs:
            yield "", f"set right when it is stored: {', '.join(view.status.repairs)}"


def _place_rows(view: KeyView) -> Iterator[CaptionRow]:
    secrets = view.answers.secrets
    if not view.is_in_vault:
        name = view.answers.installation.name
        folder = view.answers.repository.paths.docs
        yield "kept in", "a Secret in the cluster, made by hand"
        yield "", f"{folder}/{name}/RUNBOOK.md says how it gets there, once committed"
        return
    kind = store_kind(secrets.store)
    place, server = kind.place(secrets, view.answers.installation.name)
    document = "" if secrets.payload == "keys" else " (one document)"
    yield "kept in", f"{place}{document}"
    yield "", f"{GIT_KEY}, in {server}"


def _store_rows(view: KeyView) -> Iterator[CaptionRow]:
    if not view.is_in_vault:
        return
    contents = view.status.store_contents
    if contents is None:
        text = "not looked at yet: f5 asks it" if view.login else "no login to it here"
        yield "store", text
        return
    state = contents.state_of(GIT_KEY)
    identity = f"as {contents.identity}"
    if state == "kept":
        yield "store", f"ok, version {contents.version}; looked at {identity}"
    elif state == "others":
        yield "store", f"! the key is not there yet, and left to others; looked at {identity}"
    else:
        yield "store", f"! the key is not there yet; looked at {identity}"


def _public_rows(view: KeyView) -> Iterator[CaptionRow]:
    if not view.public:
        yield "public", "none recorded yet"
        return
    text = fingerprint(view.public) if _parse_public(view.public) else ""
    yield "public", text or "! what is recorded is no public key"


def _deferred_rows(view: KeyView) -> Iterator[CaptionRow]:
    """What it means that nobody here can look into the store; it never stops a commit."""
    if not view.is_in_vault or view.is_stored:
        return
    is_denied = (
        view.status.store_contents is not None and view.status.store_contents.denial is not None
    )
    if view.login and not is_denied and not (view.error and view.status.store_contents is None):
        return
    if not view.login:
        yield "login", f"{LOGIN_HINT}, then open the wizard again"
    yield (
        "deferred",
        (
            "commit goes on without it; pods cannot clone until the key is there. After the commit "
            "somebody with access runs, in this repository:"
        ),
    )
    yield "", secrets_command(view.answers.installation.name)


def _registration_rows(view: KeyView) -> Iterator[CaptionRow]:
    page = view.page
    if view.status.registration:
        yield "at", f"ok, {view.status.registration}"
        yield from (("", f"! {note}") for note in view.status.notes)
        return
    if page is None:
        yield "at", "the repository's deploy keys at its Git host, read-only"
        return
    yield "at", page.url
    if page.per_user:
        yield "", "keys belong to an account there: take one that may only read"
    elif page.writing:
        yield "", f'leave "{page.writing}" off'
    else:
        yield "", "access keys can only read there"


def _proof_rows(view: KeyView) -> Iterator[CaptionRow]:
    for probe, result in view.status.proof.values():
        yield from _probe_rows(probe, result)


def _probe_rows(probe: Probe, result: ProbeResult | None) -> Iterator[CaptionRow]:
    """What was looked at, then the verdict in words."""
    caption = probe.id.rpartition(".")[2]
    if result is None or result.status == "skip":
        yield from [(caption, "...")] if result is None else []
        return
    yield caption, f"{_WORDS[result.status]}: {result.detail}"
    if result.fix and result.status != "pass":
        yield "", result.fix.text


def _render_rows(rows: list[CaptionRow], width: int) -> Content:
    lines = []
    for caption, text in rows:
        style = "$text-error" if "!" in (caption, text[:1]) else ""
        for number, part in enumerate(wrap(text, width, break_on_hyphens=False) or [""]):
            name = f"{'' if number else caption:<{CAPTION_WIDTH}}"
            lines.append(plain(name, style or "$text-muted") + plain(part, style))
    return Content("\n").join(lines)
