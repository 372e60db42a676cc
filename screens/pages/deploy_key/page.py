"""The deploy-key page: source of the key, state of the store, public line, clone test."""

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
    KeyView,
    draw_randomart,
    render_facts,
    render_intro,
    render_problems,
    render_proof,
    render_public_line,
    render_title,
)
from screens.steps import DEPLOY_KEY
from screens.text import plain, replace_unprintable
from screens.widgets.fields import Line
from screens.widgets.line_list import LineList, ListLine
from wizard.answers.questions import field_spec
from wizard.errors import ConflictError
from wizard.workspace.deploy_keys import repository_label


class DeployKeyScreen(Page):
    """Shows the deploy key and starts its tasks, which use the steps of `secrets`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "look", "check the store", show=False, id="look"),
        Binding("m", "make", "create and store", show=False),
        Binding("c", "copy", "copy the public line", show=False),
        Binding("v", "bare", "show the bare line", show=False),
        Binding("r", "register", "register the key", show=False),
        Binding("p", "prove", "test a clone", show=False),
        Binding("x", "forget", "clear the public part", show=False),
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
        """The tasks of the deploy key and their results."""
        return get_key_tasks(self.host)

    @property
    def view(self) -> KeyView:
        """The data to show now."""
        width = max(30, min(self.size.width - 20, 110)) if self.size.width >= 64 else 40
        return KeyView(
            self.draft.answers,
            self.tasks.key,
            self.tasks.key_status,
            self.tasks.error,
            self.login,
            width,
        )

    def content(self) -> Iterator[Widget]:
        """Yield facts with randomart beside them, then problems, public line and clone test."""
        yield Static(id="about", classes="title")
        yield Static(plain(render_intro(self.draft.answers)), classes="intro")
        yield LineList()
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
        """Show what is already known, without contacting any system."""
        self.login = find_operator(self.host.draft.answers.secrets.store)
        self.tasks.show = self.redraw
        if len(self.tasks.keys) > 1:
            self.query_one(LineList).focus()
        self.set_interval(1, self._tick)
        self.call_after_refresh(self.redraw)

    def on_unmount(self) -> None:
        """Stop a task that only reads; a running write continues and records its result."""
        tasks = self.tasks
        tasks.show = lambda: None
        if not tasks.is_writing:
            tasks.stop()

    def on_resize(self, event: events.Resize) -> None:
        """Redraw for the new width."""
        del event
        self.redraw()

    def redraw(self) -> None:
        """Redraw everything."""
        if not self.is_mounted or not self.query("#facts"):
            return
        view = self.view
        self.query_one("#about", Static).update(plain(render_title(view.key)))
        self._show_list(view)
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

    def _show_list(self, view: KeyView) -> None:
        """Show all keys, if there are several: which have a public half, and their repositories."""
        keys = self.tasks.keys
        lines = [
            ListLine("ok" if one.public else "", repository_label(one.url), one.short_name)
            for one in keys
        ]
        self.query_one(LineList).put(lines, self._number(view))

    def _number(self, view: KeyView) -> int:
        facts = [one.fact for one in self.tasks.keys]
        return facts.index(view.key.fact) if view.key.fact in facts else 0

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """Show another key, unless a task is running."""
        self._choose(event.number)

    def _choose(self, number: int) -> None:
        if self.tasks.is_busy:
            self.app.bell()
            return
        self.tasks.chosen, self.tasks.error = self.tasks.keys[number].fact, None
        self._last_drawn = None
        self.redraw()

    def _scroll_to_news(self, view: KeyView) -> None:
        """Scroll to a new public line, registration or clone test."""
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
        """Show the running task, or the problems of the whole draft if none is running."""
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
        """Return a hint about the next thing to do."""
        contents = view.status.store_contents
        if view.is_proven:
            return "The clone works. Enter goes on."
        if any(one and one.status == "fail" for _, one in view.status.proof.values()):
            return "Fix what failed, then press p again. Enter goes on: the key can wait."
        if contents is not None and contents.missing_items and contents.denial is None:
            return "m creates the missing values; you see the list and confirm first."
        if view.public and self._can_look(view):
            how = " (r does it with a token)" if view.page else ""
            return f"Register this line, read-only{how}; then press p to test a clone."
        if contents is None and self._can_look(view):
            purpose = "checks the store" if view.is_in_store and view.login else "reads the key"
            return f"f5 {purpose}, after you confirm. Enter goes on: the key can wait."
        return "Enter goes on: somebody with access can store the key later."

    def _can_look(self, view: KeyView) -> bool:
        return bool(view.is_in_store and view.login) or view.key.answer.kind in OWN_KEY_KINDS

    def _available_keys(self, view: KeyView) -> list[tuple[str, str]]:
        """Return the tasks that make sense now, with their key hints."""
        contents = view.status.store_contents
        has_missing = contents is not None and contents.missing_items and contents.denial is None
        public = bool(view.public)
        can_look = self._can_look(view)
        is_conflict = isinstance(self.tasks.error, ConflictError)
        offers = [
            ("look", "f5 check", can_look),
            ("make", "m create", has_missing),
            ("copy", "c copy", public),
            ("bare", "v bare line", public and not has_missing),
            ("register", "r register", public and view.page and not view.status.registration),
            ("prove", "p test", public and can_look),
            ("forget", "x clear", public and is_conflict),
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
        """Check the store, or read the user's own key."""
        self._begin("look", self.tasks.look)

    def action_make(self) -> None:
        """Create and store the missing values."""
        self._begin("make", self.tasks.make)

    def action_register(self) -> None:
        """Register the key at the Git host."""
        self._begin("register", self.tasks.register)

    def action_prove(self) -> None:
        """Test a clone with the key."""
        self._begin("prove", self.tasks.prove)

    def action_forget(self) -> None:
        """Clear the recorded public part."""
        self._begin("forget", self.tasks.forget)

    def action_copy(self) -> None:
        """Copy the whole line to the terminal's clipboard (OSC 52)."""
        if self.view.public:
            self.app.copy_to_clipboard(self.view.public)
            self.say("copied, if the terminal supports it (OSC 52); v shows the bare line")

    def action_bare(self) -> None:
        """Suspend the app and print only the public line, so that the user can select all of it."""
        line = self.view.public
        if not line or self.tasks.is_busy:
            return
        try:
            with self.app.suspend():
                _print_public_line(line)
        except SuspendNotSupported:
            self.say("! this terminal cannot suspend the screens; c copies the line")

    async def action_forward(self) -> None:
        """Show the next key, then open the next page, unless a task is running."""
        there = self._number(self.view) + 1
        if self.tasks.is_busy:
            self.app.bell()
        elif there < len(self.tasks.keys):
            self._choose(there)
        else:
            self.action_next()

    def action_back(self) -> None:
        """Stop the running task, else open the previous page."""
        tasks = self.tasks
        if not tasks.is_busy:
            super().action_back()
            return
        text = (
            "the request may still be carried out; f5 checks"
            if tasks.is_writing
            else "nothing was changed"
        )
        tasks.key_status.summary = f"stopped; {text}"
        tasks.stop()

    def action_read(self, step: int) -> None:
        """Scroll the page."""
        holder = self.query_one("#key-page", VerticalScroll)
        holder.scroll_relative(y=step * max(1, holder.size.height - 2), animate=False)

    def action_help(self) -> None:
        """Show the help of the question behind the page."""
        self.host.show_help(field_spec(self.tasks.key.question))


def _keys(offers: list[tuple[str, str]]) -> str:
    """Return the key bar; its texts are literals of this module, so markup is safe."""
    help_ = [("help", "f1 help")] if len(offers) < 5 else []
    shown = [("next", "^n next"), ("back", "esc back"), *offers, *help_, ("leave", "^q quit")]
    return "  ".join(f"[@click=screen.{name}]{label}[/]" for name, label in shown)


def _print_public_line(line: str) -> None:
    out, read = sys.__stdout__, sys.__stdin__
    if out is None or read is None:
        return
    out.write(f"\n{replace_unprintable(line)}\n\npress enter to return to the wizard ")
    out.flush()
    # asyncio's own handler would end the app, and the answers would be lost.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt, EOFError):
            read.readline()
    finally:
        signal.signal(signal.SIGINT, before)
