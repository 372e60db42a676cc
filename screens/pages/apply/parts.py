"""What the page of a run is made of: its list, its choice of a context, its words for keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from screens.text import plain, pluralize
from screens.widgets.choices import MarkedOptionList
from wizard.errors import ExitCode

if TYPE_CHECKING:
    from wizard.apply.run import Run

Phase = Literal["opening", "refused", "plan", "running", "stopping", "ended"]

APPLY_KEY_HELP = """\
enter        on the plan: apply it, after a yes; on a failed step: the question
             that mends it; when all is done: leave
up, down     look at another step, also while it runs
page keys    read what was said of it
d            dry run: every step is tried on the servers, nothing is kept
c, h         another kubeconfig context: for the cluster, for Argo CD's hub
b            name the administrator who makes PostgreSQL's role and database
t            take over what the diff of another's object shows, after a yes
r            run again from the start: everything is looked at anew
escape       stop safely; when nothing runs, the page before
ctrl+q       stop safely and leave"""

# Nothing runs: what the next run takes as options may be said.
IDLE_PHASES = frozenset({"plan", "refused", "ended"})
TAKE_OVER_TEXT = (
    "Everything is looked at again, and exactly this difference is made ours. Should it be another "
    "by then, it is shown again."
)
STOP_TEXT = (
    "What is under way is not taken back, and nothing more is begun. The lock is given back, "
    "logins are revoked. What is done stays: r here, or `airflow-wizard apply`, goes on from there."
)

# Literals of ours, so markup is safe.
_BACK = "[@click=screen.back]esc back[/]"
_QUIT = "[@click=screen.leave]^q quit[/]"
_TAKE = "[@click=screen.take]t take over[/]  "
_AGAIN = "[@click=screen.again]r run again[/]"


class EnabledKeys(NamedTuple):
    """What there is to do: contexts to choose from, a diff to take over, and what enter does."""

    contexts: bool = False
    take: bool = False
    enter: str = ""


def render_key_bar(phase: Phase, offers: EnabledKeys) -> str:
    """The keys that do something now."""
    contexts = (
        "[@click=screen.context]c[/], [@click=screen.hub]h context[/]  " if offers.contexts else ""
    )
    others = f"{contexts}[@click=screen.database]b database[/]  "
    if phase == "plan":
        dry = "[@click=screen.dry_run]d dry run[/]"
        return f"enter apply  {dry}  {others}{_BACK}  f1 help  {_QUIT}"
    if phase == "running":
        return f"up, down look at steps  pgup, pgdn read  [@click=screen.back]esc stop[/]  {_QUIT}"
    if phase == "refused":
        return f"[@click=screen.again]r look again[/]  {others}{_BACK}  {_QUIT}"
    if phase == "ended":
        looking = contexts or "up, down look at steps  "
        enter = f"{offers.enter}  " if offers.enter else ""
        return f"{enter}{_TAKE if offers.take else ''}{_AGAIN}  {looking}{_BACK}  {_QUIT}"
    return _QUIT


def describe_run_end(run: Run, *, interrupted: bool = False) -> str:
    """How a run ended, in words; `! ` before it where it did not reach its end."""
    states = [event.state for event in run.past_events if event.has_ended]
    unread = states.count("unknown")
    if interrupted:
        return "stopped; what is done stays: r, or `airflow-wizard apply`, goes on from there"
    if run.outcome == ExitCode.CONFLICT:
        return "! stopped: something of another's is in the way, and a person decides about it"
    if run.outcome != ExitCode.DONE:
        return "! stopped: a step failed; what is done stays, r runs again from the start"
    if run.dry_run:
        wanted = pluralize(states.count("would change"), "step")
        return f"tried and nothing kept: {wanted} would change something; enter applies them"
    following = f"next: {run.target.release.runbook}"
    if unread:
        return f"done, {pluralize(unread, 'step')} could not be read; {following}"
    return f"done: everything is as it was committed; {following}"


class StepList(MarkedOptionList):
    """One line an action; enter is the page's, and a click only looks."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.forward", show=False),
        Binding("space", "look", show=False),
    ]

    class Looked(Message):
        """The person chose which action is shown below."""

    def action_look(self) -> None:
        """This one."""
        self.post_message(self.Looked())

    def action_select(self) -> None:
        """A click chooses what is shown below, and begins nothing."""
        self.action_look()

    def action_cursor_up(self) -> None:
        """The action above; the first one is the end."""
        if self.highlighted:
            super().action_cursor_up()
        self.action_look()

    def action_cursor_down(self) -> None:
        """The action below; the last one is the end."""
        if self.highlighted is None or self.highlighted < self.option_count - 1:
            super().action_cursor_down()
        self.action_look()

    def action_first(self) -> None:
        """The first action."""
        super().action_first()
        self.action_look()

    def action_last(self) -> None:
        """The last action."""
        super().action_last()
        self.action_look()


class SelectDialog(ModalScreen[str | None]):
    """One of a few names; escape keeps what was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+q,ctrl+c", "cancel", "keep", priority=True)
    ]

    def __init__(self, title: str, names: Sequence[tuple[str, str]], chosen: str) -> None:
        """`names` are values with the words that stand for them."""
        super().__init__()
        self.title_text, self.names, self.chosen = title, names, chosen

    def compose(self) -> ComposeResult:
        """The names; the one that counts now is highlighted."""
        with Vertical(classes="dialog"):
            yield Static(plain(self.title_text), classes="title")
            yield MarkedOptionList(*(Option(plain(words)) for _, words in self.names), compact=True)
            yield Static("enter chooses, escape keeps what was", classes="hint")

    def on_mount(self) -> None:
        """Begin at the one that counts."""
        values = [value for value, _ in self.names]
        number = values.index(self.chosen) if self.chosen in values else 0
        self.query_one(OptionList).highlighted = number

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.names[event.option_index][0])

    def action_cancel(self) -> None:
        """Keep what was."""
        self.dismiss(None)
