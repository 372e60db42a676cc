"""What every page of the wizard has: header, steps, one place for messages, keys."""

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
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from screens.draft.draft import Draft, PageEntry
from screens.host import Host
from screens.steps import REVIEW
from screens.widgets.fields import Line
from screens.widgets.finder import find_question

# Literals of ours, so markup is safe here and nowhere else.
KEY_BAR = (
    "[@click=screen.next]^n next[/]  [@click=screen.back]esc back[/]  "
    "[@click=screen.find]^p find a question[/]  [@click=screen.review]^s review[/]  "
    "[@click=screen.check]f5 check[/]  [@click=screen.help]f1 help[/]  "
    "[@click=screen.leave]^q quit[/]"
)


class StepLine(Line):
    """One step in the sidebar: mark and title; a click jumps there."""

    @dataclass
    class Chosen(Message):
        """The person wants this step."""

        name: str

    def __init__(self, step: PageEntry) -> None:
        super().__init__()
        self.step = step

    def on_click(self) -> None:
        """Jump."""
        self.post_message(self.Chosen(self.step.name))


class Page(Screen[None]):
    """A full page; subclasses give the content and say what enter does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "forward", "next field", show=False),
        Binding("ctrl+n", "next", "next page", id="next"),
        Binding("escape", "back", "previous page", id="back"),
        # At once: what is typed after it belongs to the finder, not to the focused field.
        Binding("ctrl+p", "find", "find a question", id="find", priority=True),
        Binding("ctrl+s", "review", "review", id="review"),
        Binding("f1", "help", "help", id="help"),
        Binding("f5", "check", "run the checks", id="check"),
        Binding("ctrl+q", "leave", "quit", id="leave", priority=True),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (64, "-narrow"), (100, "-wide")]  # noqa: RUF012
    AUTO_FOCUS: ClassVar[str | None] = None
    page_name: str = ""
    keys: str = KEY_BAR

    @property
    def host(self) -> Host:
        """The app, as far as a page knows it."""
        return cast("Host", self.app)

    @property
    def draft(self) -> Draft:
        """The answers as they stand."""
        return self.host.draft

    def compose(self) -> ComposeResult:
        """Header, steps and content side by side, status and keys."""
        # Before there is anything to style: as the first resize it would style everything twice.
        width = self.app.size.width
        self.add_class(
            *self._get_breakpoint_classes(width, self.HORIZONTAL_BREAKPOINTS), update=False
        )
        with Horizontal(id="header"):
            yield Line(id="where")
            yield Line(id="changed")
        with Horizontal(id="body"):
            if self.page_name:
                with VerticalScroll(id="steps", can_focus=False):
                    yield from self._step_lines()
            with Vertical(id="main"):
                yield from self.content()
            yield from self.side_content()
        yield Line(id="status")
        yield Static(self.keys, id="keys")

    def content(self) -> Iterator[Widget]:
        """What the page is about."""
        yield from ()

    def side_content(self) -> Iterator[Widget]:
        """What stands to its right."""
        yield from ()

    def _step_lines(self) -> Iterator[Widget]:
        for step in self.draft.pages:
            yield StepLine(step)

    @on(events.Mount)
    def _record_visit(self) -> None:
        # Textual calls this beside a subclass's own on_mount.
        self.host.visited.add(self.page_name)
        self.show_state()

    def prepare_leave(self) -> None:
        """Keep what is finished in a field that was not left yet: another page follows."""

    def show_state(self) -> None:
        """Header, marks and status after any change of the draft."""
        draft, host = self.draft, self.host
        names = [step.name for step in draft.pages]
        where = f"Airflow Wizard   {host.workspace.label}/{draft.answers.installation.name}"
        if self.page_name in names:
            where += f"   step {names.index(self.page_name) + 1} of {len(names)}"
        self.query_one("#where", Line).put(where)
        self.query_one("#changed", Line).put("changed" if draft.has_changes else "")
        if self.page_name:
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
        """Work in the background, in the place of what is under way in its group.

        Its coroutine is made when it runs: the page may be left until then, and nobody would have
        waited for it.
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
        """The line above the keys: what the whole draft still needs."""
        self.say(self.host.status())

    def say(self, text: str) -> None:
        """One sentence on the status line; `! ` before it marks a problem."""
        line = self.query_one("#status", Line)
        line.put(text)
        line.set_class(text.startswith("!"), "wrong")

    def interrupt(self) -> None:
        """Ctrl-C, which nobody may lose answers by."""
        self.say("ctrl+q quits")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Work in the background that broke must not look as if it went on."""
        if event.state == WorkerState.ERROR:
            # Never the error's text: it may hold a value.
            self.say(f"! a bug ({type(event.worker.error).__name__}); nothing was changed by it")

    def show_lookups(self) -> None:
        """Something was found out outside."""
        self.show_state()

    def on_step_line_chosen(self, event: StepLine.Chosen) -> None:
        """A click in the sidebar."""
        self.host.go(event.name)

    async def action_forward(self) -> None:
        """Enter: the next field, then the next page."""
        self.action_next()

    def action_next(self) -> None:
        """The next page."""
        self.host.turn_page(self.page_name, 1)

    def action_back(self) -> None:
        """The page before."""
        self.host.turn_page(self.page_name, -1)

    def action_review(self) -> None:
        """Straight to the review."""
        self.host.go(REVIEW)

    def action_find(self) -> None:
        """Find a question by its name."""
        find_question(self.host)

    def action_help(self) -> None:
        """Help for what has the focus."""
        self.host.show_help(None)

    def action_check(self) -> None:
        """Run the checks on everything, and try what this page names outside."""
        self.host.checks.check_page(self.page_name)

    def action_leave(self) -> None:
        """Quit, asking when something would be lost."""
        self.host.leave()
