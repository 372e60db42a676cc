"""Deploy key: what becomes of it, what the store holds, the line to register, and the proof."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, ClassVar

from textual import events
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from screens.pages.base import Page
from screens.pages.deploy_key.store import find_operator
from screens.pages.deploy_key.tasks import OWN_KEY_KINDS, KeyTasks, get_key_tasks
from screens.pages.deploy_key.view import (
    INTRO,
    KeyView,
    draw_randomart,
    render_facts,
    render_problems,
    render_proof,
    render_public_line,
    render_title,
)
from screens.steps import DEPLOY_KEY
from screens.text import plain, replace_unprintable
from screens.widgets.fields import Line
from wizard.answers.questions import field_spec
from wizard.errors import ConflictError


class DeployKeyScreen(Page):
    """One key; whatever is done about it is done by the steps of `secrets`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "look", "look into the store", show=False, id="look"),
        Binding("m", "make", "make and store", show=False),
        Binding("c", "copy", "copy the public line", show=False),
        Binding("v", "bare", "show the bare line", show=False),
        Binding("r", "register", "register it", show=False),
        Binding("p", "prove", "prove a clone", show=False),
        Binding("x", "forget", "empty the public part", show=False),
        Binding("pagedown,down", "read(1)", show=False),
        Binding("pageup,up", "read(-1)", show=False),
    ]
    page_name = DEPLOY_KEY

    def __init__(self) -> None:
        super().__init__()
        self.login = ""
        self._last_drawn: object = None

    @property
    def tasks(self) -> KeyTasks:
        """What was found out, and what is under way."""
        return get_key_tasks(self.host)

    @property
    def view(self) -> KeyView:
        """What is shown now."""
        width = max(30, min(self.size.width - 20, 110)) if self.size.width >= 64 else 40
        return KeyView(
            self.draft.answers, self.tasks.key_status, self.tasks.error, self.login, width
        )

    def content(self) -> Iterator[Widget]:
        """Facts with the picture beside them, then what follows from them."""
        yield Static(plain(render_title(self.draft.answers)), classes="title")
        yield Static(plain(INTRO), classes="intro")
        with VerticalScroll(id="key-page", can_focus=False):
            with Horizontal(id="key-facts"):
                yield Static(id="facts", classes="key")
                yield Static(id="beside", classes="art")
            yield Static(id="troubles", classes="part")
            yield Static(id="line", classes="part")
            yield Static(id="outcome", classes="part")
            yield Static(id="below")
        yield Line(id="message")

    def on_mount(self) -> None:
        """Show what is known; nothing outside is asked."""
        self.login = find_operator()
        self.tasks.show = self.redraw
        self.set_interval(1, self._tick)
        self.call_after_refresh(self.redraw)

    def on_unmount(self) -> None:
        """What only looks is given up; a write under way is waited for, and its end recorded."""
        tasks = self.tasks
        tasks.show = lambda: None
        if not tasks.is_writing:
            tasks.stop()

    def on_resize(self, event: events.Resize) -> None:
        """Other lines fit."""
        del event
        self.redraw()

    def redraw(self) -> None:
        """Draw everything again."""
        if not self.is_mounted or not self.query("#facts"):
            return
        view = self.view
        art = plain(draw_randomart(view.public))
        shown = {
            "facts": render_facts(view), "beside": art, "troubles": render_problems(view),
            "line": render_public_line(view), "outcome": render_proof(view), "below": art,
        }  # fmt: skip
        for name, text in shown.items():
            part = self.query_one(f"#{name}", Static)
            part.update(text)
            if part.has_class("part"):
                part.display = bool(text)
        self._scroll_to_news(view)
        self.query_one("#message", Line).put(self._next_hint(view))
        self.query_one("#keys", Static).update(_keys(self._available_keys(view)))
        self.show_state()

    def _scroll_to_news(self, view: KeyView) -> None:
        """Bring what is new about the line into sight."""
        has_missing = (
            view.status.store_contents is not None and view.status.store_contents.missing_items
        )
        public = "" if has_missing else view.public
        now = (public, view.status.registration, list(view.status.proof.values()))
        if self._last_drawn not in (None, now):
            part = self.query_one("#outcome")
            self.call_after_refresh(part.scroll_visible, animate=False)
        self._last_drawn = now

    def _tick(self) -> None:
        if self.tasks.job is not None:
            self.show_status()

    def show_status(self) -> None:
        """What is under way, else what the whole draft needs."""
        job = self.tasks.job
        if job is None:
            text = self.tasks.key_status.summary
            if text:
                self.say(text)
            else:
                super().show_status()
            return
        seconds = int(time.monotonic() - job[1])
        self.say(f"{job[0]}, {seconds} s; esc stops")

    def _next_hint(self, view: KeyView) -> str:
        """The one thing to do next."""
        contents = view.status.store_contents
        if view.is_proven:
            return "The clone is proven. Enter goes on."
        if any(one and one.status == "fail" for _, one in view.status.proof.values()):
            return "Put right what failed, then p again. Enter goes on: the key may wait."
        if contents is not None and contents.missing_items and contents.denial is None:
            return "m makes and stores what lacks; it shows the list first, and asks."
        if view.public and self._can_look(view):
            how = " (r does, with a token)" if view.page else ""
            return f"Register this line, read-only{how}; then p proves that it clones."
        if contents is None and self._can_look(view):
            purpose = "looks into the store" if view.is_in_vault and view.login else "reads the key"
            return f"f5 {purpose}, after a yes. Enter goes on: the key may wait."
        return "Enter goes on: the key may wait for somebody with access."

    def _can_look(self, view: KeyView) -> bool:
        return bool(view.is_in_vault and view.login) or view.answers.dags.key.kind in OWN_KEY_KINDS

    def _available_keys(self, view: KeyView) -> list[tuple[str, str]]:
        """Actions that make sense now, with what they are called."""
        contents = view.status.store_contents
        has_missing = contents is not None and contents.missing_items and contents.denial is None
        public = bool(view.public)
        can_look = self._can_look(view)
        is_conflict = isinstance(self.tasks.error, ConflictError)
        offers = [
            ("look", "f5 look", can_look),
            ("make", "m make", has_missing),
            ("copy", "c copy", public),
            ("bare", "v bare line", public and not has_missing),
            ("register", "r register", public and view.page and not view.status.registration),
            ("prove", "p prove", public and can_look),
            ("forget", "x empty", public and is_conflict),
        ]
        return [(name, label) for name, label, is_available in offers if is_available]

    def _begin(self, name: str, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self.tasks.is_busy:
            return
        if name in {offer for offer, _ in self._available_keys(self.view)}:
            self.tasks.key_status.summary = ""
            self.tasks.start(task)
        else:
            self.app.bell()

    def action_look(self) -> None:
        """Look into the store, or read a key of one's own."""
        self._begin("look", self.tasks.look)

    def action_make(self) -> None:
        """Make and store what lacks."""
        self._begin("make", self.tasks.make)

    def action_register(self) -> None:
        """Register it at the provider."""
        self._begin("register", self.tasks.register)

    def action_prove(self) -> None:
        """Clone with it."""
        self._begin("prove", self.tasks.prove)

    def action_forget(self) -> None:
        """Empty the recorded public part."""
        self._begin("forget", self.tasks.forget)

    def action_copy(self) -> None:
        """The whole line into the terminal's clipboard (OSC 52)."""
        if self.view.public:
            self.app.copy_to_clipboard(self.view.public)
            self.say("copied, where the terminal takes it (OSC 52); v shows the bare line")

    def action_bare(self) -> None:
        """The line alone, outside of the screens: any terminal's own selection takes it whole."""
        line = self.view.public
        if not line or self.tasks.is_busy:
            return
        try:
            with self.app.suspend():
                _print_public_line(line)
        except SuspendNotSupported:
            self.say("! this terminal cannot leave the screens; c copies the line")

    async def action_forward(self) -> None:
        """Enter: the next page, once nothing is under way; a hasty one would leave it behind."""
        if self.tasks.is_busy:
            self.app.bell()
        else:
            self.action_next()

    def action_back(self) -> None:
        """Stop what is under way, else the page before."""
        tasks = self.tasks
        if not tasks.is_busy:
            super().action_back()
            return
        text = (
            "it may still be carried out; f5 looks" if tasks.is_writing else "nothing was changed"
        )
        tasks.key_status.summary = f"stopped; {text}"
        tasks.stop()

    def action_read(self, step: int) -> None:
        """Scroll."""
        holder = self.query_one("#key-page", VerticalScroll)
        holder.scroll_relative(y=step * max(1, holder.size.height - 2), animate=False)

    def action_help(self) -> None:
        """Help for the question behind the page."""
        self.host.show_help(field_spec("dags.key"))


def _keys(offers: list[tuple[str, str]]) -> str:
    """The line of keys; literals of ours, so markup is safe here."""
    help_ = [("help", "f1 help")] if len(offers) < 5 else []
    shown = [("next", "^n next"), ("back", "esc back"), *offers, *help_, ("leave", "^q quit")]
    return "  ".join(f"[@click=screen.{name}]{label}[/]" for name, label in shown)


def _print_public_line(line: str) -> None:
    out, read = sys.__stdout__, sys.__stdin__
    if out is None or read is None:
        return
    out.write(f"\n{replace_unprintable(line)}\n\nenter goes back to the wizard ")
    out.flush()
    # asyncio's own handler would end the app, answers and all.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt, EOFError):
            read.readline()
    finally:
        signal.signal(signal.SIGINT, before)
