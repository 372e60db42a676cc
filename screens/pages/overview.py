"""The overview: the parts of this installation, and who connects to whom on which port."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from screens.pages.base import Page
from screens.steps import OVERVIEW
from screens.text import as_error, plain, pluralize
from wizard.engine.probes import run_in_thread

if TYPE_CHECKING:
    from screens.host import Host

_KEYS = (
    "[@click=screen.back]esc back[/]  up, down scroll  [@click=screen.find]^p find[/]  "
    "[@click=screen.review]^s review[/]  [@click=screen.leave]^q quit[/]"
)


def draw_overview(host: Host) -> tuple[list[str], int]:
    """Return the overview of the draft as lines, and the number of changes; blocking.

    Raises AnswersError for incomplete answers.
    """
    from wizard.manifests.overview import draw_text
    from wizard.workspace.overview import derive_overview

    overview, changed = derive_overview(host.workspace, host.propose())
    return draw_text(overview, changed), len(changed)


class OverviewScreen(Page):
    """Draws the installation that the answers describe; `*` marks what they change."""

    page_name = OVERVIEW
    has_steps = False
    keys = _KEYS

    def content(self) -> Iterator[Widget]:
        """Yield the drawing."""
        yield Static("Overview", classes="title")
        with VerticalScroll(id="overview"):
            yield Static("drawing ...", id="drawing")

    def on_mount(self) -> None:
        """Draw in the background."""
        self.query_one("#overview").focus()
        self._said = ""
        self.begin(self._draw, "overview")

    async def _draw(self) -> None:
        drawing = self.query_one("#drawing", Static)
        try:
            lines, changes = await run_in_thread(draw_overview, self.host)
        except Exception as error:
            text = as_error(error, "plan").message
            drawing.update(plain(f"! {text}\n\nThe overview needs complete answers: ^s lists them"))
            return
        drawing.update(plain("\n".join(lines)))
        ports = "the numbers are ports"
        changed = f"* {pluralize(changes, 'change')} since the last commit; " if changes else ""
        self._said = f"{changed}{ports}"
        self.show_status()

    def show_status(self) -> None:
        """Show the number of changes."""
        self.say(getattr(self, "_said", ""))

    async def action_forward(self) -> None:
        """Go back, as with escape."""
        self.action_back()

    def action_check(self) -> None:
        """Draw again."""
        self.begin(self._draw, "overview")
