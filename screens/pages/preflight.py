"""Pre-flight: all probes of the answers, run from this machine before the commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from screens.background.probe_round import find_required_probes
from screens.draft.outside import LookupResult
from screens.pages.base import Page
from screens.steps import PREFLIGHT
from screens.text import plain, pluralize
from screens.widgets.choices import MarkedOptionList
from screens.widgets.fields import Line
from wizard.answers.questions import field_specs
from wizard.engine.probes import STATUS_WORDS, Probe, summarize_results
from wizard.errors import AnswersError, WizardError
from wizard.probes.catalogue import ProbeSource
from wizard.probes.requirements import ProbeRequirements

_INTRO = "Probes only read, from this machine. Unreachable systems stay unverified."
_STYLES = {"ok": "$text-success", "FAILED": "$text-error", "warning": "$text-warning"}
_STATE_WIDTH, _MAX_TITLE_WIDTH = 11, 32


@dataclass(frozen=True, slots=True)
class ProbeLine:
    """One line: a probe and its result for these answers."""

    source: ProbeSource
    probe: Probe
    lookup: LookupResult | None
    seconds: int | None

    @property
    def state(self) -> str:
        """The state in one word, or the seconds that the probe has been running."""
        if self.lookup is not None:
            return STATUS_WORDS[self.lookup.result.status]
        return f"{self.seconds} s" if self.seconds is not None else "-"

    @property
    def title(self) -> str:
        """The probe's title, without the source's title if it starts with that."""
        title = self.probe.title
        for start in (f"{self.source.title}: ", f"{self.source.title} "):
            title = title.removeprefix(start)
        return title


class PreflightScreen(Page):
    """Lists the probes by source; enter runs them, then opens the fix of a failed probe."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "look", "run all probes", show=False, id="look"),
    ]
    AUTO_FOCUS = ""
    page_name = PREFLIGHT
    keys = ""
    _other_keys = (
        "[@click=screen.next]^n next[/]  "
        "[@click=screen.back]esc stop, back[/]  [@click=screen.look]f5 rerun[/]  "
        "[@click=screen.find]^p find[/]  [@click=screen.review]^s review[/]  "
        "[@click=screen.leave]^q quit[/]"
    )

    def __init__(self) -> None:
        super().__init__()
        self.requirements: tuple[ProbeRequirements, ...] = ()
        self.block_reason = "listing the probes ..."
        self.probe_lines: list[ProbeLine] = []
        self._was_running = False

    def content(self) -> Iterator[Widget]:
        """Yield title, introduction, lines, and the highlighted line in full."""
        yield Static("Pre-flight", classes="title")
        yield Static(_INTRO, classes="intro")
        yield MarkedOptionList(id="looks", compact=True)
        yield Line(id="found")

    async def on_mount(self) -> None:
        """List the probes and their earlier results."""
        self.begin(self._prepare, "prepare")

    async def _prepare(self) -> None:
        if self.draft.problems:
            count = pluralize(len(self.draft.problems), "answer")
            self.block_reason = f"! {count} missing or invalid: enter goes there"
        else:
            try:
                _, self.requirements = await find_required_probes(
                    self.host, self.host.checks.sources
                )
                self.block_reason = "" if self.requirements else "no probes to run: enter goes on"
            except AnswersError as error:
                self.block_reason = f"! {error.problems[0] if error.problems else error.message}"
            except WizardError as error:
                self.block_reason = f"! {error.message}"
        self._fill()
        self.show_state()

    def show_lookups(self) -> None:
        """Redraw after a probe ended or a second passed."""
        self._fill()
        self.show_state()

    def show_status(self) -> None:
        """Show the progress of the probes, why they cannot start, or a summary of the results."""
        self._show_keys()
        session = self.host.session
        if session.running:
            self.say(session.progress())
        elif self.block_reason:
            self.say(self.block_reason)
        else:
            self.say(self._summarize_results())

    def _show_keys(self) -> None:
        """Show the key bar, a literal of this module, so markup is safe."""
        line = self._highlighted_line()
        if self.draft.problems:
            word = "question"
        elif line and line.lookup and line.lookup.result.status == "fail":
            word = "fix"
        else:
            word = "run" if self.requirements and not self._all_known else "next"
        enter = f"[@click=screen.forward]enter {word}[/]  "
        self.query_one("#keys", Static).update(enter + self._other_keys)

    def _summarize_results(self) -> str:
        found = self.host.session.results(self.draft)
        if not found:
            return "enter runs the probes after you confirm; ^n skips them"
        summary = summarize_results(one.result for one in found)
        faults = sum(one.result.status == "fail" for one in found)
        remaining = "" if self._all_known else "; f5 runs the rest"
        if faults:
            return f"! {summary}; enter fixes FAILED{remaining}"
        return f"{summary}{remaining or '; enter goes on to the review'}"

    @property
    def _all_known(self) -> bool:
        return all(one.lookup is not None for one in self.probe_lines)

    def _lines(self) -> list[ProbeLine]:
        session, draft = self.host.session, self.draft
        found = {one.probe.id: one for one in session.results(draft)}
        return [
            ProbeLine(
                need.source,
                probe,
                found.get(probe.id),
                session.elapsed(probe.id) if probe.id in session.running else None,
            )
            for need in self.requirements
            for probe in session.probes(need.source, draft) or need.probes
        ]

    def _fill(self) -> None:
        options = self.query_one("#looks", OptionList)
        lines = self._lines()
        same = [one.probe.id for one in lines] == [one.probe.id for one in self.probe_lines]
        self.probe_lines = lines
        width = min(_MAX_TITLE_WIDTH, max((len(one.title) for one in lines), default=0))
        if same:
            for line in lines:
                options.replace_option_prompt(line.probe.id, _line(line, width))
        else:
            options.clear_options()
            options.add_options(_options(lines, width))
        if bool(lines) is not options.has_focus:
            # An empty list would consume enter.
            self.set_focus(options if lines else None)
        self._highlight(options)
        self._show_result()

    def _highlight(self, options: OptionList) -> None:
        """Highlight the first failure once all probes have ended; otherwise keep the selection."""
        running = bool(self.host.session.running)
        has_ended, self._was_running = self._was_running and not running, running
        fault = next((one for one in self.probe_lines if one.state == "FAILED"), None)
        if fault is not None and (has_ended or options.highlighted is None):
            options.highlighted = options.get_option_index(fault.probe.id)
        elif self.probe_lines and options.highlighted is None:
            options.highlighted = 1

    def _highlighted_line(self) -> ProbeLine | None:
        option = self.query_one("#looks", OptionList).highlighted_option
        return next((one for one in self.probe_lines if option and one.probe.id == option.id), None)

    @on(OptionList.OptionHighlighted, "#looks")
    def _highlighted(self) -> None:
        self._show_result()
        self._show_keys()

    def _show_result(self) -> None:
        text, line = self.query_one("#found", Line), self._highlighted_line()
        text.put(_full_text(line) if line else "")
        text.set_class(bool(line and line.state == "FAILED"), "wrong")

    @on(OptionList.OptionSelected, "#looks")
    async def _enter(self) -> None:
        await self.action_forward()

    async def action_forward(self) -> None:
        """Run the probes, open the fix of the highlighted failure, or go on."""
        line = self._highlighted_line()
        if self.draft.problems:
            self._go_to_problem()
        elif self.host.session.running:
            self.app.bell()
        elif line and line.lookup and line.lookup.result.status == "fail":
            self._go_to_fix(line.lookup)
        elif self.requirements and not self._all_known:
            self.action_look()
        elif self.block_reason.startswith("!"):
            self.app.bell()
        else:
            self.action_next()

    def _go_to_problem(self) -> None:
        keys = [item.key for item in field_specs() if item.key in self.draft.problems]
        if keys:
            self.host.go_to_question(keys[0])
        else:
            self.action_review()

    def _go_to_fix(self, found: LookupResult) -> None:
        keys = {item.key for item in field_specs() if item.applies(self.draft.answers)}
        if found.question in keys:
            self.host.go_to_question(found.question)
        else:
            self.host.show_note(found.probe.title, f"{found.result.detail}\n\n{found.result.fix}")

    def action_look(self) -> None:
        """Run all probes, after asking for missing consents."""
        if self.requirements:
            self.host.checks.probe_all()

    def action_back(self) -> None:
        """Stop the running probes; if none is running, open the previous page."""
        if not self.host.checks.stop():
            super().action_back()


def _options(lines: Sequence[ProbeLine], width: int) -> Iterator[Option]:
    heading = None
    for line in lines:
        if line.source is not heading:
            heading = line.source
            endpoints = {one.probe.endpoint for one in lines if one.source is heading}
            where = line.probe.endpoint if len(endpoints) == 1 else ""
            yield Option(
                Content.assemble((heading.title, "bold"), plain(f"   {where}" if where else "")),
                disabled=True,
            )
        yield Option(_line(line, width), id=line.probe.id)


def _line(line: ProbeLine, width: int) -> Content:
    detail = " ".join(line.lookup.result.detail.split()) if line.lookup else ""
    return Content.assemble(
        (f"  {line.state:<{_STATE_WIDTH}}", _STYLES.get(line.state, "")),
        plain(f"{line.title:<{width}}  "),
        plain(detail, "$text-muted"),
    )


def _full_text(line: ProbeLine) -> str:
    head = f"{line.probe.title} ({line.probe.endpoint})"
    if line.lookup is None:
        return head
    result = line.lookup.result
    text = f"{head}: {result.detail}"
    return f"{text}\n{result.fix}" if result.fix and result.status != "pass" else text
