"""Base of all pages: header, steps, status line, key bar."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from screens.draft.draft import Draft, PageEntry
from screens.host import Host
from screens.steps import OVERVIEW, REVIEW
from screens.widgets.fields import KeyBar, Line, TextField
from screens.widgets.finder import choose_theme, find_question, tune

# A literal of this module: the only place where markup is allowed.
KEY_BAR = (
    "[@click=screen.next]^n next[/]  [@click=screen.back]esc back[/]  "
    "[@click=screen.find]^p find[/]  [@click=screen.tune]^t pages[/]  "
    "[@click=screen.review]^s review[/]  "
    "[@click=screen.check]f5 check[/]  [@click=screen.help]f1 help[/]  "
    "[@click=screen.leave]^q quit[/]"
)


class StepLine(Line):
    """One step in the sidebar: mark and title; a click opens its page."""

    @dataclass
    class Chosen(Message):
        """The user chose this step."""

        name: str

    def __init__(self, step: PageEntry) -> None:
        super().__init__()
        self.step = step

    def on_click(self) -> None:
        """Post the choice."""
        self.post_message(self.Chosen(self.step.name))


class Page(Screen[None]):
    """A full page; subclasses provide the content and the action of enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "forward", "next field", show=False),
        Binding("ctrl+n", "next", "next page", id="next"),
        Binding("escape", "back", "previous page", id="back"),
        # With priority: the next keys belong to the finder, not to the focused field.
        Binding("ctrl+p", "find", "find a question", id="find", priority=True),
        Binding("ctrl+t", "tune", "list of the pages", id="tune", priority=True),
        Binding("ctrl+s", "review", "review", id="review"),
        Binding("f1", "help", "help", id="help"),
        Binding("f2", "overview", "overview", id="overview"),
        Binding("f3", "theme", "colours", id="theme"),
        Binding("f5", "check", "run the checks", id="check"),
        Binding("ctrl+q", "leave", "quit", id="leave", priority=True),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (64, "-narrow"), (100, "-wide")]  # noqa: RUF012
    AUTO_FOCUS: ClassVar[str | None] = None
    page_name: str = ""
    # Whether the steps are shown beside the content; a page that is none of them shows none.
    has_steps: bool = True
    keys: str = KEY_BAR

    @property
    def host(self) -> Host:
        """The app, through its interface for pages."""
        return cast("Host", self.app)

    @property
    def draft(self) -> Draft:
        """The current answers."""
        return self.host.draft

    def compose(self) -> ComposeResult:
        """Yield header, steps and content side by side, status and keys."""
        # Before any widget exists: on the first resize, everything would be styled twice.
        width = self.app.size.width
        self.add_class(
            *self._get_breakpoint_classes(width, self.HORIZONTAL_BREAKPOINTS), update=False
        )
        with Horizontal(id="header"):
            yield Line(id="where")
            yield Line(id="changed")
        with Horizontal(id="body"):
            if self.page_name and self.has_steps:
                with VerticalScroll(id="steps", can_focus=False):
                    yield from self._step_lines()
            with Vertical(id="main"):
                yield from self.content()
            yield from self.side_content()
        yield Line(id="status")
        keys = KeyBar(id="keys")
        keys.update(self.keys)
        yield keys

    def content(self) -> Iterator[Widget]:
        """Yield the main widgets of the page."""
        yield from ()

    def side_content(self) -> Iterator[Widget]:
        """Yield the widgets to the right of the content."""
        yield from ()

    def _step_lines(self) -> Iterator[Widget]:
        for step in self.draft.pages:
            yield StepLine(step)

    @on(events.Mount)
    def _record_visit(self) -> None:
        # Textual calls this in addition to a subclass's own on_mount.
        self.host.visited.add(self.page_name)
        self.show_state()

    @property
    def focused_key(self) -> str:
        """The question with the focus; empty without one."""
        return ""

    def prepare_leave(self) -> None:
        """Save finished input of the focused field before another page opens."""

    def show_state(self) -> None:
        """Redraw header, steps and status."""
        draft, host = self.draft, self.host
        names = [step.name for step in draft.pages]
        where = f"Airflow Wizard   {host.workspace.label}/{draft.answers.installation.name}"
        if self.page_name in names:
            where += f"   step {names.index(self.page_name) + 1} of {len(names)}"
        self.query_one("#where", Line).put(where)
        self.query_one("#changed", Line).put("changed" if draft.has_changes else "")
        if self.page_name and self.has_steps:
            self._show_steps()
        self.show_status()

    def _show_steps(self) -> None:
        holder = self.query_one("#steps", VerticalScroll)
        lines = list(holder.query(StepLine))
        if [line.step for line in lines] != list(self.draft.pages):
            self.begin(partial(self._replace_steps, holder), "steps")
            return
        self._mark_steps(lines)

    def begin(self, work: Callable[[], Coroutine[Any, Any, object]], group: str) -> None:
        """Run a coroutine function in the background; replaces running work of the same group.

        Takes the function, not a coroutine: the page may be closed before it runs.
        """
        self.run_worker(work, exclusive=True, group=group, exit_on_error=False)  # type: ignore[arg-type]

    async def _replace_steps(self, holder: VerticalScroll) -> None:
        async with self.batch():
            await holder.remove_children()
            lines = [StepLine(step) for step in self.draft.pages]
            await holder.mount(*lines)
        self._mark_steps(lines)

    def _mark_steps(self, lines: list[StepLine]) -> None:
        for line in lines:
            mark = self.host.mark(line.step.name, current=self.page_name)
            line.put(f"{mark:<3}{line.step.title}")
            line.set_class(line.step.name == self.page_name, "current")
            line.set_class(mark == "!", "wrong")
            if line.step.name == self.page_name and self.size.height < len(lines) + 4:
                self.call_after_refresh(line.scroll_visible, animate=False)

    def show_status(self) -> None:
        """Show the problems of the whole draft in the line above the keys."""
        self.say(self.host.status())

    def say(self, text: str) -> None:
        """Show one sentence on the status line; `! ` marks a problem."""
        line = self.query_one("#status", Line)
        line.put(text)
        line.set_class(text.startswith("!"), "wrong")

    def interrupt(self) -> None:
        """Handle ctrl+c, which must not lose answers: show how to quit."""
        self.say("ctrl+q quits")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Report a crash of background work."""
        if event.state == WorkerState.ERROR:
            # Not the error's text, which may hold a value.
            self.say(f"! a bug ({type(event.worker.error).__name__}); nothing was changed")

    def on_text_field_paste_refused(self, event: TextField.PasteRefused) -> None:
        """Show why nothing was pasted."""
        self.say(f"! nothing was pasted: the text has {event.lines} lines, and a field takes one")

    def show_lookups(self) -> None:
        """Show new probe results."""
        self.show_state()

    def on_step_line_chosen(self, event: StepLine.Chosen) -> None:
        """Open the clicked step."""
        self.host.go(event.name)

    async def action_forward(self) -> None:
        """Focus the next field, or open the next page."""
        self.action_next()

    def action_next(self) -> None:
        """Open the next page."""
        self.host.turn_page(self.page_name, 1)

    def action_back(self) -> None:
        """Open the page from which this one was opened."""
        self.host.go_back()

    def action_review(self) -> None:
        """Open the review."""
        self.host.go(REVIEW)

    def action_overview(self) -> None:
        """Open the overview; a page without a name has nothing to come back to."""
        if self.page_name not in {"", OVERVIEW}:
            self.host.go(OVERVIEW)
        else:
            self.app.bell()

    def action_find(self) -> None:
        """Open the finder."""
        find_question(self.host)

    def action_theme(self) -> None:
        """Open the list of themes."""
        choose_theme(self.host)

    def action_tune(self) -> None:
        """Open the list of the pages."""
        tune(self.host)

    def action_help(self) -> None:
        """Show the help of the focused question, or the key help."""
        self.host.show_help(None)

    def action_check(self) -> None:
        """Run all checks, and the probes of this page."""
        self.host.checks.check_page(self.page_name)

    def action_leave(self) -> None:
        """Quit; asks first if answers would be lost."""
        self.host.leave()

    def end_session(self) -> None:
        """Quit without a question: nobody can answer one any more."""
        self.host.exit(self.host.exit_report.committed)
