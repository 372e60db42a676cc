"""The page after a commit: what to do next, each with its state, then the written files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from screens.pages.base import Page
from screens.text import as_error, plain, pluralize
from screens.widgets.choices import MarkedOptionList
from screens.widgets.fields import Line
from screens.widgets.prompts import ConfirmListDialog
from wizard.engine.probes import run_in_thread

if TYPE_CHECKING:
    from screens.host import Host
    from wizard.status.inspection import Inspection
    from wizard.status.next_steps import NextStep
    from wizard.workspace.proposal import CommitResult

    Inspect = Callable[[Host, CommitResult], Inspection]

INTERVAL_SECONDS = 15.0
_STYLES = {"done": "$text-success", "open": "$text-warning"}
# Literals of this module, so markup is safe.
_COPY = "[@click=screen.copy]y copy command[/]  "
_APPLY = "[@click=screen.apply]a apply[/]  "
_REST = "[@click=screen.check]f5 check states[/]  tab files  [@click=screen.help]f1 help[/]"


_KEY_HELP = """\
enter, ^q    quit; the commit stays
up, down     select a step: its command, and why it has its state
y            copy the command of the step
f5           check every state with your logins, and again every
             15 seconds; the branch is always checked
a            open apply
tab          move to the files, and back"""


def inspect_commit(host: Host, result: CommitResult) -> Inspection:
    """Return the looks at the steps that a commit needs; blocking, sends nothing."""
    from wizard.status.inspection import open_inspection
    from wizard.workspace.installation import refresh_committed

    found = refresh_committed(host.workspace, host.draft.answers)
    return open_inspection(found, context=host.context, needed=result.steps)


class ResultScreen(Page):
    """Shows the commit and its next steps; enter quits, `y` copies the command of a step.

    The branch is looked at by itself. Everything else is looked at after a yes to the logins in
    use, and from then on regularly.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "apply", "apply", show=False),
        Binding("y", "copy", "copy the command", show=False),
        Binding("tab", "turn", "next steps or files", show=False),
    ]
    keys = ""

    def __init__(self, result: CommitResult, inspect: Inspect = inspect_commit) -> None:
        super().__init__()
        self.commit_result, self.inspect = result, inspect
        self.inspection: Inspection | None = None
        self.next_steps: tuple[NextStep, ...] = ()
        self.may_apply = False
        self._has_consent = False
        self._said = "reading the next steps ..."

    def content(self) -> Iterator[Widget]:
        """Yield title, next steps, the highlighted one in full, and the files."""
        result = self.commit_result
        yield Static(plain(_title(result)), classes="title")
        yield MarkedOptionList(id="next", compact=True)
        yield Line(id="found")
        lines = [*result.notes, *([""] if result.notes else []), "Files"]
        with VerticalScroll(id="result"):
            lines += [f"  {path}" for path in result.paths]
            if result.base_paths:
                lines.append(f"  and {pluralize(len(result.base_paths), 'file')} of the merge base")
            yield Static(plain("\n".join(lines)))

    def on_mount(self) -> None:
        """Read the next steps, and look at the branch."""
        self.query_one("#next").focus()
        self.begin(self._open, "status")

    def on_unmount(self) -> None:
        """Revoke the logins made here; nothing waits for that."""
        if self.inspection is not None:
            threading.Thread(target=self.inspection.end, daemon=True).start()

    async def _open(self) -> None:
        try:
            self.inspection = await run_in_thread(self.inspect, self.host, self.commit_result)
        except Exception as error:
            self._tell(f"! next steps: {as_error(error, 'status').message}")
            self._show_keys()
            # An empty list would take enter, and do nothing.
            self.query_one("#result").focus()
            return
        self.may_apply = self.inspection.has_installer
        self._show(self.inspection.steps)
        self._tell("checking the branch ...")
        self._show(await self.inspection.look_at_branch())
        if not self.next_steps:
            self.query_one("#result").focus()
        self._tell("f5 checks every state with your logins" if self.next_steps else "")
        self.set_interval(INTERVAL_SECONDS, self._refresh)

    def _refresh(self) -> None:
        if self.next_steps and self.is_current:
            self.begin(partial(self._look, regularly=True), "status")

    async def _look(self, *, regularly: bool = False) -> None:
        found = self.inspection
        if found is None:
            return
        if not self._has_consent:
            self._show(await found.look_at_branch())
            return
        if not regularly:
            self._tell("checking ...")
        self._show(await found.look())
        self._tell(f"checked every {INTERVAL_SECONDS:.0f} seconds")

    def _tell(self, text: str) -> None:
        self._said = text
        self.show_status()

    def show_status(self) -> None:
        """Show the number of steps by state, and what the page does."""
        from wizard.status.next_steps import count_states

        counts = count_states(self.next_steps)
        self.say("; ".join(filter(None, (counts, self._said))) if counts else self._said)

    def _show(self, steps: tuple[NextStep, ...]) -> None:
        options = self.query_one("#next", OptionList)
        same = [one.id for one in steps] == [one.id for one in self.next_steps]
        self.next_steps = steps
        if same:
            for number, step in enumerate(steps, 1):
                options.replace_option_prompt(step.id, _format(number, step))
        else:
            options.clear_options()
            options.add_options(
                Option(_format(number, step), id=step.id) for number, step in enumerate(steps, 1)
            )
            first = (n for n, step in enumerate(steps) if step.state != "done")
            options.highlighted = next(first, 0) if steps else None
        options.set_class(not steps, "none")
        self._show_highlighted()
        self.show_status()

    @property
    def _highlighted(self) -> NextStep | None:
        number = self.query_one("#next", OptionList).highlighted
        return self.next_steps[number] if number is not None and self.next_steps else None

    @on(OptionList.OptionHighlighted, "#next")
    def _show_highlighted(self) -> None:
        step = self._highlighted
        self.query_one("#found", Line).put(_describe(step) if step else "")
        self._show_keys()

    @on(OptionList.OptionSelected, "#next")
    async def _enter(self) -> None:
        await self.action_forward()

    def _show_keys(self) -> None:
        step = self._highlighted
        copy = _COPY if step is not None and step.command else ""
        apply = _APPLY if self.may_apply else ""
        enter = "[@click=screen.next]enter done[/]  "
        self.query_one("#keys", Static).update(enter + copy + apply + _REST)

    def action_copy(self) -> None:
        """Copy the command of the highlighted step to the terminal's clipboard (OSC 52)."""
        step = self._highlighted
        if step is None or not step.command:
            self.app.bell()
            return
        self.app.copy_to_clipboard(step.command)
        self.say(f"copied: {step.command}")

    def action_check(self) -> None:
        """Look at every state, after a yes to the logins in use."""
        if self.inspection is None:
            self.app.bell()
            return
        subject = "\n".join(self.inspection.identities)
        if not subject or subject in self.host.consents:
            self._begin_looking(yes=True)
            return
        ask = ConfirmListDialog(
            "Check the states from this machine? It only reads.",
            "\n".join((*self.inspection.identities, *self.inspection.notes)),
            yes="check them",
            no="not now",
            yes_first=True,
        )

        def answer(yes: bool | None) -> None:
            if yes:
                self.host.consents.add(subject)
                self._begin_looking(yes=True)

        self.host.push_screen(ask, answer)

    def _begin_looking(self, *, yes: bool) -> None:
        self._has_consent = yes
        self.begin(self._look, "status")

    def action_help(self) -> None:
        """Show the keys of this page."""
        self.host.show_note("Keys", _KEY_HELP)

    def action_turn(self) -> None:
        """Focus the files, or the next steps again."""
        ours = self.query_one("#next")
        (self.query_one("#result") if ours.has_focus else ours).focus()

    async def action_forward(self) -> None:
        """Quit."""
        self.action_next()

    def action_next(self) -> None:
        """Quit."""
        self.host.exit(self.commit_result)

    def action_apply(self) -> None:
        """Open the apply page, unless the delivery is by hand."""
        if self.inspection is not None and not self.may_apply:
            self.say("this delivery is installed by hand: y copies the command")
            self.app.bell()
            return
        self.host.open_apply(self.draft.answers.installation.name, self.commit_result)

    def action_back(self) -> None:
        """Do nothing: going back does not undo a commit."""

    def action_review(self) -> None:
        """Do nothing: there is nothing left to review."""

    def action_find(self) -> None:
        """Do nothing: the answers are committed."""

    def action_leave(self) -> None:
        """Quit."""
        self.host.exit(self.commit_result)


def _title(result: CommitResult) -> str:
    files = pluralize(result.file_count, "file")
    if result.commit:
        return f"Committed {result.commit[:12]}: {files}"
    return f"Written, not committed: {files}" if result.paths else "Nothing to commit"


def _format(number: int, step: NextStep) -> Content:
    """Return the line of a step: number, state, owner, title."""
    return Content.assemble(
        plain(f"{number:>2}  "),
        (f"{step.state:<9}", _STYLES.get(step.state, "")),
        plain(f"{step.owner:<10}", "$text-muted"),
        plain(step.title),
    )


def _describe(step: NextStep) -> str:
    """Return command, reason and fix of a step."""
    command = f"$ {step.command}" if step.command else f"{step.title}: no command does this"
    return "\n".join(filter(None, (command, step.reason, step.fix.text)))
