"""The first page of a new installation: pick a preset."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

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
from wizard.engine.probes import run_in_thread
from wizard.errors import WizardError

if TYPE_CHECKING:
    from wizard.imports.candidates import Candidate

# No preset has such a name.
_SAVED = "(saved)"
_IMPORT = "(import) "
# More than a few do not fit; `airflow-wizard import PATH` takes any of them.
_MAX_CANDIDATES = 4
_ABOUT_IMPORT = (
    "Begin with the values that this {} gives. Secrets in it are left out, and named. The file "
    "stays as it is."
)
_NO_PRESET = "No preset: the wizard's own defaults."


class PresetScreen(Page):
    """Picks a preset; the following pages can change all of its answers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "nothing", show=False),
        Binding("ctrl+s", "nothing", show=False),
    ]
    AUTO_FOCUS = "OptionList"
    keys = "enter choose  up, down move  [@click=screen.leave]^q quit[/]"

    def content(self) -> Iterator[Widget]:
        """Yield a line for each preset, and the description of the highlighted one."""
        yield Static("A new installation", classes="title")
        yield Static("Pick the closest preset. You can change every answer later.", classes="intro")
        known = list(map(presets.load_preset, presets.list_presets()))
        self._about = {one.name: one.description for one in known}
        options = [Option(_describe(one.title, one.name), id=one.name) for one in known]
        options.append(Option(_describe("Defaults", _NO_PRESET), id=""))
        for number, one in enumerate(self.host.candidates[:_MAX_CANDIDATES]):
            # Before the presets: what is there already is the closest.
            name = f"{_IMPORT}{number}"
            self._about[name] = _ABOUT_IMPORT.format(one.kind)
            options.insert(number, Option(_describe("Import", one.path), id=name))
        if self.host.saved is not None:
            # The first one, so that enter continues where the last session ended.
            self._about[_SAVED] = "What you answered before you quit. Nothing of it is committed."
            options.insert(0, Option(_describe("Continue", self.host.saved[0]), id=_SAVED))
        yield MarkedOptionList(*options, compact=True, id="presets")
        yield Static(id="description")

    @on(OptionList.OptionHighlighted)
    def _show_description(self, event: OptionList.OptionHighlighted) -> None:
        about = self._about.get(event.option_id or "", "")
        self.query_one("#description", Static).update(plain(about))

    def show_status(self) -> None:
        """Keep the status line empty."""

    @on(OptionList.OptionSelected)
    def _use_preset(self, event: OptionList.OptionSelected) -> None:
        name = event.option_id or ""
        if name.startswith(_IMPORT):
            number = int(name.removeprefix(_IMPORT))
            self.say("importing ...")
            self.begin(partial(self._import, self.host.candidates[number]), "import")
        elif name == _SAVED and self.host.saved is not None:
            self.host.use_answers(self.host.saved[1])
        else:
            self.host.use_preset(name)

    async def _import(self, candidate: Candidate) -> None:
        """Start with what a file of the repository says, and show what became of its values."""
        from wizard.imports.candidates import import_candidate

        try:
            found = await run_in_thread(import_candidate, candidate)
        except WizardError as error:
            self.say("")
            self.host.show_error(error)
            return
        self.host.use_answers(found.data)
        self.host.show_note(f"Imported from {candidate.path}", "\n".join(found.to_lines()[1:]))

    def action_next(self) -> None:
        """Use the highlighted preset."""
        self.query_one(OptionList).action_select()

    def action_back(self) -> None:
        """Do nothing: this is the first page."""

    def action_nothing(self) -> None:
        """Do nothing: there are no answers yet."""


def _describe(title: str, name: str) -> Content:
    """Return one line: all presets fit into 80x24, and the command line's names are beside them."""
    return Content.assemble(plain(f"{title:<24}", "bold"), plain(name, "$text-muted"))
