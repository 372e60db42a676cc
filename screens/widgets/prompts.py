"""Dialogs that prompt for a value; secrets are masked, and the dialog keeps no value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from pydantic import SecretStr
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static
from textual.widgets.option_list import Option

from screens.text import plain
from screens.widgets.choices import MarkedOptionList
from screens.widgets.dialogs import ConfirmDialog
from screens.widgets.fields import Line, TextField

if TYPE_CHECKING:
    from wizard.secrets.references import SecretRef

T = TypeVar("T")


class ConfirmListDialog(ConfirmDialog):
    """A question with a list to read first; no is the default unless `yes_first`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "read(1)", show=False, priority=True),
        Binding("pageup", "read(-1)", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """Yield the question, the list and the answers."""
        answers = [Option(plain(self.no), id="no"), Option(plain(self.yes), id="yes")]
        with Vertical(classes="dialog agree"):
            yield Static(plain(self.title_text), classes="question")
            with VerticalScroll(can_focus=False):
                yield Static(plain(self.text))
            yield MarkedOptionList(*(answers[::-1] if self.yes_first else answers), compact=True)

    def action_read(self, step: int) -> None:
        """Scroll the list by a page."""
        holder = self.query_one(VerticalScroll)
        holder.scroll_relative(y=step * max(1, holder.size.height - 1), animate=False)


class SecretField(TextField):
    """A masked field that accepts a paste of several lines, such as a private key."""

    def __init__(self) -> None:
        super().__init__()
        self.password = True

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.replace(event.text, *self.selection)


class PromptDialog(ModalScreen[T], Generic[T]):
    """A dialog with one field; enter returns its parsed value, escape returns None.

    `read` parses the text and raises ValueError with the expected form.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+q", "dismiss(None)", "close", priority=True),
        Binding("ctrl+c", "dismiss(None)", show=False),
    ]
    AUTO_FOCUS = "TextField"

    def __init__(
        self, title: str, text: str, field: TextField, read: Callable[[str], T], caption: str
    ) -> None:
        super().__init__()
        self.title_text, self.text, self.field, self.read = title, text, field, read
        self.caption = caption

    def compose(self) -> ComposeResult:
        """Yield the question, the field and the error line."""
        with Vertical(classes="dialog"):
            yield Static(plain(self.title_text), classes="question")
            yield Static(plain(self.text))
            with Horizontal(classes="value"):
                yield Static(Content(f"{self.caption} ["), classes="caption")
                yield self.field
                yield Static(Content("]"), classes="end")
            yield Line(id="complaint")
            yield Static("enter accepts, escape cancels", classes="hint")

    @on(Input.Changed)
    def _clear_complaint(self, event: Input.Changed) -> None:
        self.query_one("#complaint", Line).put("")
        if not event.value:
            self.field.password = isinstance(self.field, SecretField)

    @on(Input.Submitted)
    def _submit(self) -> None:
        self.action_forward()

    def action_forward(self) -> None:
        """Return the parsed value, or show the error."""
        try:
            answer = self.read(self.field.value)
        except ValueError as error:
            # An invalid reference is usually the secret itself.
            self.field.password = True
            self.query_one("#complaint", Line).put(f"! {error}")
            return
        self.field.value = ""
        self.dismiss(answer)

    def action_field(self, step: int) -> None:
        """Do nothing: there is only one field."""


def create_secret_prompt(key: str, text: str) -> PromptDialog[SecretStr]:
    """Prompt for a secret; it is not shown and is kept in memory only."""

    def read(typed: str) -> SecretStr:
        if not typed:
            raise ValueError("type or paste the value; escape cancels")
        return SecretStr(typed)

    return PromptDialog(f"{key} (hidden)", text, SecretField(), read, "value")


def create_token_prompt(
    title: str, text: str, read: Callable[[str], SecretRef]
) -> PromptDialog[SecretRef]:
    """Prompt for the source of a token; a token itself is refused and not repeated."""
    field = TextField(placeholder="env:NAME, file:PATH or prompt")

    def parse(typed: str) -> SecretRef:
        try:
            return read(typed)
        except ValueError:
            raise ValueError("enter env:NAME, file:PATH or prompt, not the token itself") from None

    return PromptDialog(title, text, field, parse, "from ")
