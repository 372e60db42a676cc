"""Rendering of the deploy-key page: facts, problems, public line, registration, clone test.

Nothing here holds a secret: only references, the public part, and results.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from screens.text import plain, pluralize
from wizard.clients.forge_pages import find_key_page
from wizard.hostkeys.keys import HostKey
from wizard.provisioning.steps import format_items, secrets_command
from wizard.secrets.deploy_key import choose_kind, fingerprint
from wizard.stores.live import live_store
from wizard.stores.registry import store_kind
from wizard.workspace.deploy_keys import list_dag_keys

if TYPE_CHECKING:
    from screens.pages.deploy_key.tasks import KeyStatus
    from wizard.answers.model import Answers
    from wizard.clients.forge_pages import DeployKeyPage
    from wizard.engine.probes import Probe, ProbeResult
    from wizard.errors import WizardError
    from wizard.workspace.deploy_keys import GitKey

CAPTION_WIDTH, COLUMN_WIDTH = 10, 50
_WORDS = {"pass": "pass", "warn": "! pass", "fail": "! FAIL", "skip": "skipped",
          "unknown": "unverified"}  # fmt: skip
CaptionRow = tuple[str, str]


@dataclass(frozen=True)
class KeyView:
    """The data that the page shows; `login` is the operator's identity in the store, if any."""

    answers: Answers
    key: GitKey
    status: KeyStatus
    error: WizardError | None
    login: str
    width: int

    @property
    def public(self) -> str:
        """The recorded public line."""
        return self.key.public

    @property
    def is_in_store(self) -> bool:
        """Whether the wizard can read and fill the store."""
        return store_kind(self.answers.secrets.store).fillable

    @property
    def is_stored(self) -> bool:
        """Whether the last check found the key in the store."""
        return (
            self.status.store_contents is not None
            and self.status.store_contents.state_of(self.key.fact) == "kept"
        )

    @property
    def page(self) -> DeployKeyPage | None:
        """The Git host's page for deploy keys; None if unknown."""
        return find_key_page(self.key.url)

    @property
    def is_proven(self) -> bool:
        """Whether every probe of the clone test passed."""
        results = [result for _, result in self.status.proof.values()]
        return bool(results) and all(one and one.status in {"pass", "warn"} for one in results)


def render_title(key: GitKey) -> str:
    """Return the title: the repository of the key."""
    if not key.url:
        return "Deploy key"
    location = key.location
    port = "" if location.port == 22 else f":{location.port}"
    return f"Deploy key of {location.host}{port}/{location.path}"


def render_intro(answers: Answers) -> str:
    """Return who clones with the key."""
    who = "git-sync clones" if answers.dags.source == "git-sync" else "Pods clone"
    more = " Up, down: another key." if len(list_dag_keys(answers)) > 1 else ""
    return f"{who} with this key. It needs read access only.{more}"


def render_facts(view: KeyView) -> Content:
    """Return kind, place, state and public part, one below the other."""
    rows = [*_key_rows(view), *_place_rows(view), *_store_rows(view), *_public_rows(view)]
    return _render_rows(rows, COLUMN_WIDTH)


def render_problems(view: KeyView) -> Content:
    """Return errors, missing values, and the consequences of a deferred key."""
    wide = max(20, view.width - CAPTION_WIDTH)
    parts: list[Content] = []
    if view.error is not None:
        rows = [("!", view.error.message), ("", view.error.hint)]
        parts.append(_render_rows([row for row in rows if row[1]], wide))
    contents = view.status.store_contents
    if contents is not None and contents.missing_items:
        heading = f"{pluralize(len(contents.missing_items), 'value')} missing in the store:"
        unset_variables = [f"! not set here: {name}" for name in contents.unset_variables]
        lines = [heading, *(f"  {line}" for line in format_items(contents.items)), *unset_variables]
        parts.append(plain("\n".join(lines)))
    if contents is not None and contents.notes:
        parts.append(_render_rows([("!", one) for one in contents.notes], wide))
    if contents is not None and contents.other_paths:
        command = secrets_command(view.answers.installation.name)
        rows = [("further", one) for one in contents.other_paths]
        parts.append(
            _render_rows([*rows, ("", f"this page does not fill it; run: {command}")], wide)
        )
    deferred_rows = list(_deferred_rows(view))
    parts += [_render_rows(deferred_rows, wide)] if deferred_rows else []
    return Content("\n\n").join(parts)


def render_public_line(view: KeyView) -> Content:
    """Return the whole public line in as few rows as possible."""
    line, width = view.public, max(20, view.width)
    rows = [line[at : at + width] for at in range(0, len(line), width)]
    return Content("\n").join(plain(row, "bold") for row in rows)


def render_proof(view: KeyView) -> Content:
    """Return where the key is (or must be) registered, and the results of the clone test."""
    rows = [*_registration_rows(view), *_proof_rows(view)] if view.public else []
    return _render_rows(rows, max(20, view.width - CAPTION_WIDTH))


def draw_randomart(public: str) -> str:
    """Return the randomart of the public part; empty if it is not a key."""
    key = _parse_public(public)
    return key.randomart() if key else ""


def _parse_public(public: str) -> HostKey | None:
    words = public.split()
    try:
        return HostKey(words[0], words[1])
    except (IndexError, ValueError):
        return None


def _key_rows(view: KeyView) -> Iterator[CaptionRow]:
    reference = view.key.answer
    host = view.key.location.host if view.key.url else ""
    if reference.kind == "generate":
        rsa = choose_kind(host) == "rsa"
        kind = f"RSA 3072 ({host} rejects ed25519)" if rsa else "ed25519"
        yield "key", f"generated here once, in memory: {kind}"
    elif reference.kind == "store":
        yield "key", "stored by somebody else, not generated here"
    elif reference.kind == "prompt":
        yield "key", "your own; you paste it when it is stored"
    else:
        yield "key", f"your own, from {reference}"
    if view.status.repairs is not None:
        yield "read", "ok, a private key without a passphrase"
        if view.status.repairs:
            yield "", f"fixed when stored: {', '.join(view.status.repairs)}"


def _place_rows(view: KeyView) -> Iterator[CaptionRow]:
    secrets = view.answers.secrets
    if not view.is_in_store:
        name = view.answers.installation.name
        folder = view.answers.repository.paths.docs
        yield "kept in", "a Secret in the cluster, created by hand"
        yield "", f"after the commit, see {folder}/{name}/RUNBOOK.md"
        return
    kind = store_kind(secrets.store)
    place, server = kind.place(secrets, view.answers.installation.name)
    document = "" if secrets.payload == "keys" else " (one document)"
    yield "kept in", f"{place}{document}"
    yield "", f"{view.key.fact}, in {server}"


def _store_rows(view: KeyView) -> Iterator[CaptionRow]:
    if not view.is_in_store:
        return
    contents = view.status.store_contents
    if contents is None:
        text = "not checked yet; f5 checks it" if view.login else "no login on this machine"
        yield "store", text
        return
    state = contents.state_of(view.key.fact)
    identity = f"as {contents.identity}"
    if state == "kept":
        found = ", ".join(filter(None, ("ok", contents.version)))
        yield "store", f"{found}; checked {identity}"
    elif state == "others":
        yield "store", f"! the key is missing; others store it; checked {identity}"
    else:
        yield "store", f"! the key is missing; checked {identity}"


def _public_rows(view: KeyView) -> Iterator[CaptionRow]:
    if not view.public:
        yield "public", "none recorded yet"
        return
    text = fingerprint(view.public) if _parse_public(view.public) else ""
    yield "public", text or "! the recorded value is not a public key"


def _deferred_rows(view: KeyView) -> Iterator[CaptionRow]:
    """Yield the consequences if the operator cannot read the store; a commit is still allowed."""
    if not view.is_in_store or view.is_stored:
        return
    is_denied = (
        view.status.store_contents is not None and view.status.store_contents.denial is not None
    )
    if view.login and not is_denied and not (view.error and view.status.store_contents is None):
        return
    if not view.login:
        hint = live_store(view.answers.secrets.store).login_hint
        yield "login", f"{hint}, then open the wizard again"
    yield (
        "deferred",
        (
            "you can commit without it; pods cannot clone until the key is stored. After the "
            "commit, somebody with access runs in this repository:"
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
        yield "", "keys belong to an account there: use one with read access only"
    elif page.writing:
        yield "", f'leave "{page.writing}" off'
    else:
        yield "", "access keys there are always read-only"


def _proof_rows(view: KeyView) -> Iterator[CaptionRow]:
    for probe, result in view.status.proof.values():
        yield from _probe_rows(probe, result)


def _probe_rows(probe: Probe, result: ProbeResult | None) -> Iterator[CaptionRow]:
    """Yield the name of a probe, then its result in words."""
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
