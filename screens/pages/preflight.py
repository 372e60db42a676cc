"""Pre-flight: everything these answers need outside, asked from this machine before the commit."""

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

_INTRO = "Only read, from this machine; what cannot be reached stays unverified."
_STYLES = {"ok": "$text-success", "FAILED": "$text-error", "warning": "$text-warning"}
_STATE, _LONGEST = 11, 32


@dataclass(frozen=True, slots=True)
class ProbeLine:
    """One line: a probe, and what it found for these answers."""

    source: ProbeSource
    probe: Probe
    found: LookupResult | None
    seconds: int | None

    @property
    def state(self) -> str:
        """Its state as a word."""
        if self.found is not None:
            return STATUS_WORDS[self.found.result.status]
        return f"{self.seconds} s" if self.seconds is not None else "-"

    @property
    def title(self) -> str:
        """Its title without what the heading says."""
        title = self.probe.title
        for start in (f"{self.source.title}: ", f"{self.source.title} "):
            title = title.removeprefix(start)
        return title


class PreflightScreen(Page):
    """One line a probe under its source; enter starts, then goes to what mends a fault."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "look", "look outside", show=False, id="look"),
    ]
    AUTO_FOCUS = ""
    page_name = PREFLIGHT
    keys = ""
    _others = (
        "[@click=screen.next]^n next[/]  "
        "[@click=screen.back]esc stop, back[/]  [@click=screen.look]f5 again[/]  "
        "[@click=screen.find]^p find[/]  [@click=screen.review]^s review[/]  "
        "[@click=screen.leave]^q quit[/]"
    )

    def __init__(self) -> None:
        super().__init__()
        self.needed: tuple[ProbeRequirements, ...] = ()
        self.block_reason = "finding out what to ask ..."
        self.probe_lines: list[ProbeLine] = []
        self._ran = False

    def content(self) -> Iterator[Widget]:
        """What it is about, the lines, and the highlighted one in full."""
        yield Static("Pre-flight", classes="title")
        yield Static(_INTRO, classes="intro")
        yield MarkedOptionList(id="looks", compact=True)
        yield Line(id="found")

    async def on_mount(self) -> None:
        """What would be asked, and what was found before."""
        self.begin(self._prepare, "prepare")

    async def _prepare(self) -> None:
        if self.draft.problems:
            count = pluralize(len(self.draft.problems), "answer")
            self.block_reason = f"! {count} to give first: enter goes there"
        else:
            try:
                _, self.needed = await find_required_probes(self.host, self.host.checks.sources)
                self.block_reason = "" if self.needed else "nothing to ask outside: enter goes on"
            except AnswersError as error:
                self.block_reason = f"! {error.problems[0] if error.problems else error.message}"
            except WizardError as error:
                self.block_reason = f"! {error.message}"
        self._fill()
        self.show_state()

    def show_lookups(self) -> None:
        """A probe ended, or a second went by."""
        self._fill()
        self.show_state()

    def show_status(self) -> None:
        """The round under way, what stands in its way, or what enter would do."""
        self._show_keys()
        session = self.host.session
        if session.running:
            self.say(session.progress())
        elif self.block_reason:
            self.say(self.block_reason)
        else:
            self.say(self._ended())

    def _show_keys(self) -> None:
        """The line of keys: a literal of ours, so markup is safe."""
        look = self._current()
        if self.draft.problems:
            word = "goes there"
        elif look and look.found and look.found.result.status == "fail":
            word = "mends it"
        else:
            word = "look" if self.needed and not self._all_known else "goes on"
        enter = f"[@click=screen.forward]enter {word}[/]  "
        self.query_one("#keys", Static).update(enter + self._others)

    def _ended(self) -> str:
        found = self.host.session.found(self.draft)
        if not found:
            return "enter looks, once you agreed to what is asked; ^n goes on without"
        told = summarize_results(one.result for one in found)
        faults = sum(one.result.status == "fail" for one in found)
        rest = "" if self._all_known else "; f5 looks at the rest"
        if faults:
            return f"! {told}; enter mends FAILED{rest}"
        return f"{told}{rest or '; enter goes on to the review'}"

    @property
    def _all_known(self) -> bool:
        return all(one.found is not None for one in self.probe_lines)

    def _lines(self) -> list[ProbeLine]:
        session, draft = self.host.session, self.draft
        found = {one.probe.id: one for one in session.found(draft)}
        return [
            ProbeLine(
                need.source,
                probe,
                found.get(probe.id),
                session.elapsed(probe.id) if probe.id in session.running else None,
            )
            for need in self.needed
            for probe in session.probes(need.source, draft) or need.probes
        ]

    def _fill(self) -> None:
        options = self.query_one("#looks", OptionList)
        looks = self._lines()
        same = [one.probe.id for one in looks] == [one.probe.id for one in self.probe_lines]
        self.probe_lines = looks
        width = min(_LONGEST, max((len(one.title) for one in looks), default=0))
        if same:
            for look in looks:
                options.replace_option_prompt(look.probe.id, _line(look, width))
        else:
            options.clear_options()
            options.add_options(_options(looks, width))
        if bool(looks) is not options.has_focus:
            # An empty list would keep enter for itself.
            self.set_focus(options if looks else None)
        self._highlight(options)
        self._show_found()

    def _highlight(self, options: OptionList) -> None:
        """The first fault once a round is over; a line, in any case."""
        running = bool(self.host.session.running)
        over, self._ran = self._ran and not running, running
        fault = next((one for one in self.probe_lines if one.state == "FAILED"), None)
        if fault is not None and (over or options.highlighted is None):
            options.highlighted = options.get_option_index(fault.probe.id)
        elif self.probe_lines and options.highlighted is None:
            options.highlighted = 1

    def _current(self) -> ProbeLine | None:
        option = self.query_one("#looks", OptionList).highlighted_option
        return next((one for one in self.probe_lines if option and one.probe.id == option.id), None)

    @on(OptionList.OptionHighlighted, "#looks")
    def _highlighted(self) -> None:
        self._show_found()
        self._show_keys()

    def _show_found(self) -> None:
        line, look = self.query_one("#found", Line), self._current()
        line.put(_full_text(look) if look else "")
        line.set_class(bool(look and look.state == "FAILED"), "wrong")

    @on(OptionList.OptionSelected, "#looks")
    async def _enter(self) -> None:
        await self.action_forward()

    async def action_forward(self) -> None:
        """Enter: look, go to what mends the highlighted fault, else go on."""
        look = self._current()
        if self.draft.problems:
            self._go_to_problem()
        elif self.host.session.running:
            self.app.bell()
        elif look and look.found and look.found.result.status == "fail":
            self._mend(look.found)
        elif self.needed and not self._all_known:
            self.action_look()
        elif self.block_reason.startswith("!"):
            self.app.bell()
        else:
            self.action_next()

    def _go_to_problem(self) -> None:
        asked = [item.key for item in field_specs() if item.key in self.draft.problems]
        if asked:
            self.host.go_to_question(asked[0])
        else:
            self.action_review()

    def _mend(self, found: LookupResult) -> None:
        asked = {item.key for item in field_specs() if item.applies(self.draft.answers)}
        if found.question in asked:
            self.host.go_to_question(found.question)
        else:
            self.host.show_note(found.probe.title, f"{found.result.detail}\n\n{found.result.fix}")

    def action_look(self) -> None:
        """Ask everything, with consent for what is new."""
        if self.needed:
            self.host.checks.probe_all()

    def action_back(self) -> None:
        """Stop the round under way, else the page before."""
        if not self.host.checks.stop():
            super().action_back()


def _options(looks: Sequence[ProbeLine], width: int) -> Iterator[Option]:
    heading = None
    for look in looks:
        if look.source is not heading:
            heading = look.source
            endpoints = {one.probe.endpoint for one in looks if one.source is heading}
            where = look.probe.endpoint if len(endpoints) == 1 else ""
            yield Option(
                Content.assemble((heading.title, "bold"), plain(f"   {where}" if where else "")),
                disabled=True,
            )
        yield Option(_line(look, width), id=look.probe.id)


def _line(look: ProbeLine, width: int) -> Content:
    detail = " ".join(look.found.result.detail.split()) if look.found else ""
    return Content.assemble(
        (f"  {look.state:<{_STATE}}", _STYLES.get(look.state, "")),
        plain(f"{look.title:<{width}}  "),
        plain(detail, "$text-muted"),
    )


def _full_text(look: ProbeLine) -> str:
    head = f"{look.probe.title} ({look.probe.endpoint})"
    if look.found is None:
        return head
    result = look.found.result
    text = f"{head}: {result.detail}"
    return f"{text}\n{result.fix}" if result.fix and result.status != "pass" else text
