"""After the commit: what was written, and the next commands."""

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
    """What was committed; enter leaves, and one key makes it live."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "apply", "apply it live", show=False)]
    keys = (
        "[@click=screen.next]enter done[/]  [@click=screen.apply]a apply it live[/]  "
        "up, down read on"
    )

    def __init__(self, done: CommitResult) -> None:
        super().__init__()
        self.done = done

    def content(self) -> Iterator[Widget]:
        """Commit, files, notes and commands."""
        done = self.done
        yield Static(plain(_title(done)), classes="title")
        lines = ["", *(f"  {path}" for path in done.paths)]
        if done.notes:
            lines += ["", *done.notes]
        if done.next:
            lines += ["", "Next", *(f"  {step}" for step in done.next)]
        with VerticalScroll(id="result"):
            yield Static(plain("\n".join(lines)))

    def on_mount(self) -> None:
        """Reading needs the arrow keys."""
        self.host.exit_report.committed = self.done
        self.query_one("#result").focus()

    def show_status(self) -> None:
        """Nothing is open any more."""

    def action_next(self) -> None:
        """The end."""
        self.host.exit(self.done)

    def action_apply(self) -> None:
        """Watch it become real."""
        self.host.open_apply(self.draft.answers.installation.name, self.done)

    def action_back(self) -> None:
        """A commit is not undone by going back."""

    def action_review(self) -> None:
        """There is nothing left to review."""

    def action_find(self) -> None:
        """The answers are committed."""

    def action_leave(self) -> None:
        """The end."""
        self.host.exit(self.done)


def _title(done: CommitResult) -> str:
    files = pluralize(len(done.paths), "file")
    if done.commit:
        return f"Committed {done.commit[:12]}: {files}"
    return f"Written, not committed: {files}" if done.paths else "Nothing to commit"
