"""The first page of a new installation: pick a preset."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from screens.pages.base import Page
from screens.text import plain
from screens.widgets.choices import MarkedOptionList
from wizard.answers import presets


class PresetScreen(Page):
    """Picks a preset; the following pages can change all of its answers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "nothing", show=False),
        Binding("ctrl+s", "nothing", show=False),
    ]
    AUTO_FOCUS = "OptionList"
    keys = "enter choose  up, down move  [@click=screen.leave]^q quit[/]"

    def content(self) -> Iterator[Widget]:
        """Yield title and description of each preset."""
        yield Static("A new installation", classes="title")
        yield Static("Pick the closest preset. You can change every answer later.", classes="intro")
        # No blank lines between them: all presets fit into 80x24.
        options = [
            Option(_describe(one.title, one.description), id=one.name)
            for one in map(presets.load_preset, presets.list_presets())
        ]
        options.append(
            Option(_describe("Defaults", "No preset: the wizard's own defaults."), id="")
        )
        yield MarkedOptionList(*options, compact=True)

    def show_status(self) -> None:
        """Keep the status line empty."""

    @on(OptionList.OptionSelected)
    def _use_preset(self, event: OptionList.OptionSelected) -> None:
        self.host.use_preset(event.option_id or "")

    def action_next(self) -> None:
        """Use the highlighted preset."""
        self.query_one(OptionList).action_select()

    def action_back(self) -> None:
        """Do nothing: this is the first page."""

    def action_nothing(self) -> None:
        """Do nothing: there are no answers yet."""


def _describe(title: str, text: str) -> Content:
    below = fill(text, 74, initial_indent="  ", subsequent_indent="  ")
    return plain(f"{title}\n", "bold") + plain(below)
