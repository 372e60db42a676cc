"""The host-keys page: given, published and typed fingerprints and the verdict in one column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from screens.pages.host_keys.scan import ScanningPage
from screens.pages.host_keys.view import (
    KeyBlock,
    KeyComparison,
    ask_to_leave_out,
    mark_host,
    render_intro,
    render_key,
    render_unaccepted_key,
)
from screens.steps import HOST_KEYS
from screens.text import plain, pluralize
from screens.widgets.fields import Line, PasteArea, TextField
from screens.widgets.line_list import LineList, ListLine
from wizard.answers.host_keys import HOST_KEY_QUESTIONS
from wizard.answers.questions import field_spec
from wizard.hostkeys.keys import HostKey, HostKeyTextError, parse_fingerprint, parse_host_keys
from wizard.hostkeys.published import published_keys
from wizard.hostkeys.verdict import HostKeyVerdict, KnownHost, Refusal, parse_host_key
from wizard.workspace.git_hosts import GitHost, key_answers

_PASTE = (
    "Paste ssh-keyscan output, known_hosts lines or .pub files; an empty line goes on. Or press "
    "f5 to scan the host. Neither is proof: only the fingerprint below is."
)
_TYPE = (
    "Type the fingerprint that the host's owner publishes or reads out to you: SHA256: and 43 "
    "characters. Enter accepts it; enter on an empty field goes on and accepts nothing."
)
_MORE = (
    "Enter goes on. Each further fingerprint pins another key, so git-sync still works when one "
    "of them changes."
)
_NOTHING = "Nothing to do here: enter goes on. To pin fewer of these keys, paste only those."
_CHOOSE = "Up and down show the keys of another host; enter goes to its fields."
# Shown for the moment in which a change of the answers removes the last host.
_NONE = GitHost("localhost", 22, ())
_NO_KEY = "No keys yet: paste them above, or press f5 to scan the host."


class HostKeyScreen(ScanningPage):
    """Shows the SSH keys of one Git host at a time and takes fingerprints.

    `wizard.hostkeys.trust.judge_host_keys` makes all decisions.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "read(1)", show=False),
        Binding("pageup", "read(-1)", show=False),
    ]
    page_name = HOST_KEYS
    keys = (
        "[@click=screen.next]^n next[/]  [@click=screen.back]esc back[/]  "
        "[@click=screen.scan]f5 scan[/]  [@click=screen.read(1)]pgdn keys[/]  "
        "[@click=screen.find]^p find[/]  "
        "[@click=screen.review]^s review[/]  [@click=screen.help]f1 help[/]  "
        "[@click=screen.leave]^q quit[/]"
    )

    def __init__(self, question: str = "") -> None:
        super().__init__()
        self.question = question
        self.error = ""
        self.paste_error = ""
        self._chosen = ""

    @property
    def git_host(self) -> GitHost:
        """The host that the page shows; the page is there only if there is one."""
        hosts = self.draft.git_hosts
        return next(
            (one for one in hosts if one.name == self._chosen), hosts[0] if hosts else _NONE
        )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the shown host."""
        return self.git_host.host, self.git_host.port

    def _first_host(self) -> str:
        """Return the host of the question that opened the page, else the first one to complete."""
        repository = HOST_KEY_QUESTIONS.get(self.question)
        hosts = self.draft.git_hosts
        asked = [one.name for one in hosts if repository in one.repositories]
        if self.question != HOST_KEYS and asked:
            return asked[0]
        left = [one.name for one in hosts if mark_host(one, self._verdict_on(one)) == "!"]
        return next(iter([*left, *asked]), "")

    def content(self) -> Iterator[Widget]:
        """Yield the hosts, the paste area, the fingerprint field, and every key's verdict."""
        self._chosen = self._first_host()
        yield Static(id="about", classes="title")
        yield Static(id="intro", classes="intro")
        yield LineList()
        yield PasteArea(self._initial_text())
        with Horizontal(id="typing"):
            yield Static(Content("type     ["), classes="caption")
            yield TextField(placeholder="SHA256:...")
        yield VerticalScroll(id="keys-found", can_focus=False)
        yield Line(id="message")

    def _initial_text(self) -> str:
        """Return the text pasted before, else the keys in the answers."""
        pasted = self.host.pasted_keys.get(self.address)
        if pasted is not None:
            return pasted
        return "\n".join(key.known_hosts_line(*self.address) for key in self._given_keys())

    async def on_mount(self) -> None:
        """Show the host, and focus its fingerprint field if keys are known, else the paste area."""
        await self._show_host()
        self._focus_field()

    def _focus_field(self) -> None:
        keys_known = bool(self._judged_entries())
        self.query_one(TextField if keys_known else PasteArea).focus()
        self.show_message()

    async def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """Show another host; a finished fingerprint counts for the one before."""
        self.prepare_leave()
        await self._choose(event.number)

    async def _choose(self, number: int) -> None:
        self._chosen = self.draft.git_hosts[number].name
        self.error = ""
        with self.prevent(Input.Changed, TextArea.Changed):
            self.query_one(TextField).value = ""
            self.query_one(PasteArea).text = self._initial_text()
        await self._show_host()
        self.show_message()

    async def _show_host(self) -> None:
        host, port = self.address
        self.query_one("#about", Static).update(plain(f"Host keys of {self.git_host.name}"))
        self.query_one("#intro", Static).update(plain(render_intro(self.git_host)))
        area = self.query_one(PasteArea)
        area.placeholder = (
            "nothing to paste" if published_keys(host, port) else f"ssh-keyscan -p {port} {host}"
        )
        self._check_paste(area.text)
        await self._show_keys()

    def _verdict(self) -> HostKeyVerdict | None:
        return self._verdict_on(self.git_host)

    def _verdict_on(self, host: GitHost) -> HostKeyVerdict | None:
        return self.draft.verification.verdict_on(host.name)

    def _judged_entries(self) -> list[KnownHost | Refusal]:
        verdict = self._verdict()
        return [*verdict.accepted, *verdict.refused] if verdict else []

    @on(TextArea.Changed)
    async def _paste_changed(self, event: TextArea.Changed) -> None:
        text = event.text_area.text
        self.host.pasted_keys[self.address] = text
        keys = self._check_paste(text)
        if keys is not None and list(keys) != self._given_keys():
            draft = self.draft
            found = key_answers(draft.legible_data, draft.answers, self.git_host, keys)
            for question, value in found.items():
                self.host.draft = self.draft.with_answer(field_spec(question), value)
        self.show_state()
        self.show_message()
        await self._show_keys()

    def _given_keys(self) -> list[HostKey]:
        """Return the readable keys that the answers give for the shown host."""
        parsed = map(parse_host_key, self.git_host.given)
        return [key for key in parsed if isinstance(key, HostKey)]

    def _check_paste(self, text: str) -> tuple[HostKey, ...] | None:
        """Return the keys in the text, none for empty text; None while it is unreadable."""
        self.paste_error = ""
        host, port = self.address
        if not text.strip():
            return ()
        try:
            return parse_host_keys(text, host=host, port=port)
        except HostKeyTextError as error:
            self.paste_error = str(error.problems[0])
            return None

    @on(Input.Changed)
    def _clear_error(self) -> None:
        self.error = ""
        self.show_message()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Accept a finished fingerprint, however the field is left."""
        if isinstance(event.widget, TextField) and self.is_current:
            self.begin(self._take_fingerprint, "take")

    def on_descendant_focus(self) -> None:
        """Show the help of the focused field."""
        self.show_message()

    async def _take_fingerprint(self) -> bool:
        """Accept the typed fingerprint; False if it is wrong and stays in the field."""
        try:
            fingerprint = self._read_fingerprint()
        except ValueError as error:
            self._show_error(str(error))
            return False
        if fingerprint is None:
            return True
        self.host.draft = self.draft.with_fingerprint(fingerprint)
        with self.prevent(Input.Changed):
            self.query_one(TextField).value = ""
        self.error = ""
        self.show_state()
        self.show_message()
        await self._show_keys()
        return True

    def _read_fingerprint(self) -> str | None:
        """Return the typed fingerprint; ValueError if it is invalid or matches no key."""
        text = self.query_one(TextField).value.strip()
        if not text:
            return None
        fingerprint = parse_fingerprint(text)
        if not self.draft.has_fingerprint(fingerprint, self.git_host.name):
            raise ValueError("no key below has this fingerprint: compare them again")
        return fingerprint

    def prepare_leave(self) -> None:
        """Accept a finished fingerprint, whichever key opens another page."""
        with suppress(ValueError):
            fingerprint = self._read_fingerprint()
            if fingerprint is not None:
                self.host.draft = self.draft.with_fingerprint(fingerprint)

    def _show_error(self, text: str) -> None:
        self.error = text
        self.show_message()

    def show_message(self) -> None:
        """Show the error of either field, else the help of the focused one."""
        line = self.query_one("#message", Line)
        in_area = isinstance(self.focused, PasteArea)
        error = self.paste_error if in_area else self.error or self.paste_error
        line.put(f"! {error}" if error else self._hint(in_area=in_area))
        line.set_class(bool(error), "wrong")

    def _hint(self, *, in_area: bool) -> str:
        if isinstance(self.focused, LineList):
            return _CHOOSE
        if published_keys(*self.address) and not self.git_host.given:
            return _NOTHING
        verdict = self._verdict()
        if verdict and verdict.accepted and not in_area:
            return f"{pluralize(len(verdict.accepted), 'key')} accepted. {_MORE}"
        return _PASTE if in_area else _TYPE

    async def show_scan(self) -> None:
        """Show the scanned keys and focus the fingerprint field."""
        await self._show_keys()
        if self._judged_entries() and not self.paste_error:
            self.query_one(TextField).focus()
        self.show_message()
        verdict = self._verdict()
        if verdict and any(not one.typed for one in verdict.changed):
            self.say(f"! {verdict.name} presents a different key than the one accepted before")

    async def _show_keys(self) -> None:
        holder = self.query_one("#keys-found", VerticalScroll)
        self._show_hosts()
        scan = self.draft.find_scan(self.git_host.name)
        comparison = KeyComparison(
            *self.address, frozenset(self._given_keys()), scan, self._verdict()
        )
        async with self.batch():
            await holder.remove_children()
            blocks: list[Widget] = [
                KeyBlock(*render_key(item, comparison)) for item in self._judged_entries()
            ]
            others = self._unaccepted_keys()
            blocks += [KeyBlock(*render_unaccepted_key(key)) for key in others]
            unaccepted = {key.fingerprint for key in others}
            notes = [
                one
                for one in self.draft.verification.notes
                if one.startswith(f"{self.git_host.name} ")
                and not any(text in one for text in unaccepted)
            ]
            blocks += [Static(plain(f"- {note}")) for note in notes]
            await holder.mount(*(blocks or [Static(plain(_NO_KEY), classes="hint")]))

    def _show_hosts(self) -> None:
        """Show all hosts with their marks, if there are several."""
        hosts = self.draft.git_hosts
        lines = [
            ListLine(mark_host(one, self._verdict_on(one)), one.name, ", ".join(one.repositories))
            for one in hosts
        ]
        self.set_class(len(lines) > 1, "several")
        self.query_one(LineList).put(lines, self._number())

    def _number(self) -> int:
        names = [one.name for one in self.draft.git_hosts]
        return names.index(self.git_host.name) if self.git_host.name in names else 0

    def _unaccepted_keys(self) -> list[HostKey]:
        """Return the scanned keys that are not among the accepted ones."""
        scan, verdict = self.draft.find_scan(self.git_host.name), self._verdict()
        if scan is None or not (verdict and verdict.accepted):
            return []
        known = {(entry.type, entry.key) for entry in verdict.entries}
        return [key for key in scan.keys if (key.type, key.key) not in known]

    async def action_forward(self) -> None:
        """Accept the typed fingerprint, or focus its field, or show the next host or page."""
        if isinstance(self.focused, LineList):
            self._focus_field()
            return
        if isinstance(self.focused, PasteArea):
            self.query_one(TextField).focus()
            return
        typed = bool(self.query_one(TextField).value.strip())
        if not await self._take_fingerprint() or typed:
            return
        if (unproven := self._unproven_keys()) and self._proven_keys():
            self._offer_to_leave_out(unproven)
            return
        await self._go_on()

    async def _go_on(self) -> None:
        """Show the next host, or the next page after the last one."""
        if self._number() + 1 < len(self.draft.git_hosts):
            await self._choose(self._number() + 1)
            self._focus_field()
        else:
            self.host.go_on(HOST_KEYS)

    def _proven_keys(self) -> list[HostKey]:
        verdict = self._verdict()
        parsed = map(parse_host_key, verdict.accepted if verdict else ())
        return [key for key in parsed if isinstance(key, HostKey)]

    def _unproven_keys(self) -> list[KnownHost]:
        """Return the given keys without which the commit would be allowed."""
        verdict, host = self._verdict(), self.git_host
        return [one.entry for one in verdict.refused if host.needs(one.entry)] if verdict else []

    def _offer_to_leave_out(self, unproven: Sequence[KnownHost]) -> None:
        """Offer to go on with the proven keys only; a key without proof is never committed."""

        def answer(yes: bool | None) -> None:
            if yes:
                self.begin(self._leave_out, "leave")

        self.host.push_screen(ask_to_leave_out(unproven), answer)

    async def _leave_out(self) -> None:
        """Keep only the proven keys of this host, and go on."""
        draft, keys = self.draft, self._proven_keys()
        for question, value in key_answers(
            draft.legible_data, draft.answers, self.git_host, keys
        ).items():
            self.host.draft = self.draft.with_answer(field_spec(question), value)
        self.host.pasted_keys[self.address] = "\n".join(
            key.known_hosts_line(*self.address) for key in keys
        )
        with self.prevent(TextArea.Changed):
            self.query_one(PasteArea).text = self._initial_text()
        await self._show_host()
        await self._go_on()

    def action_field(self, step: int) -> None:
        """Move between the two fields."""
        self.query_one(PasteArea if step < 0 else TextField).focus()

    def action_read(self, step: int) -> None:
        """Scroll the keys."""
        holder = self.query_one("#keys-found", VerticalScroll)
        holder.scroll_relative(y=step * max(1, holder.size.height - 1), animate=False)

    def action_help(self) -> None:
        """Show the help of the question behind the page."""
        self.host.show_help(field_spec(self.git_host.question))
