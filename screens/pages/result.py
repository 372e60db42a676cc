"""The page after a commit: written files and the next commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from screens.pages.base import Page
from screens.text import plain, pluralize
from wizard.workspace.proposal import CommitResult


class ResultScreen(Page):
    """Shows the commit; enter quits, `a` opens the apply page."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "apply", "apply", show=False)]
    keys = "[@click=screen.next]enter done[/]  [@click=screen.apply]a apply[/]  up, down scroll"

    def __init__(self, result: CommitResult) -> None:
        super().__init__()
        self.commit_result = result

    def content(self) -> Iterator[Widget]:
        """Yield commit, files, notes and next commands."""
        result = self.commit_result
        yield Static(plain(_title(result)), classes="title")
        lines = ["", *(f"  {path}" for path in result.paths)]
        if result.notes:
            lines += ["", *result.notes]
        if result.next:
            lines += ["", "Next", *(f"  {step}" for step in result.next)]
        with VerticalScroll(id="result"):
            yield Static(plain("\n".join(lines)))

    def on_mount(self) -> None:
        """Focus the text, so that the arrow keys scroll it."""
        self.host.exit_report.committed = self.commit_result
        self.query_one("#result").focus()

    def show_status(self) -> None:
        """Keep the status line empty."""

    def action_next(self) -> None:
        """Quit."""
        self.host.exit(self.commit_result)

    def action_apply(self) -> None:
        """Open the apply page."""
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
    files = pluralize(len(result.paths), "file")
    if result.commit:
        return f"Committed {result.commit[:12]}: {files}"
    return f"Written, not committed: {files}" if result.paths else "Nothing to commit"
