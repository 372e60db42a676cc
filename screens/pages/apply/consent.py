"""Asking the person in front of the screens from a thread that prepares a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from textual.screen import ModalScreen

from screens.pages.apply.parts import SelectDialog
from screens.widgets.dialogs import ConfirmDialog
from screens.widgets.fields import TextField
from screens.widgets.prompts import PromptDialog, create_secret_prompt
from wizard.errors import UsageError

if TYPE_CHECKING:
    from screens.app import WizardApp
    from screens.pages.apply.plan import ApplyOptions

T = TypeVar("T")

ADMIN_PROMPT = (
    "Its login creates role and database where they are missing; CREATEROLE and CREATEDB are "
    "enough. The password comes from PGPASSWORD or PGPASSFILE, else it is asked for, unseen. "
    "Empty: leave PostgreSQL to its owner."
)


class DialogPrompter:
    """What the command line asks on its terminal, as dialogs; escape is a no."""

    def __init__(self, app: WizardApp, is_shown: Callable[[], bool]) -> None:
        """`is_shown` says whether the page that asks is still there; called on the app's thread."""
        self.app, self._is_shown = app, is_shown

    def ask(self, question: str) -> bool:
        """A yes to something outside; blocking, never called on the app's own thread."""
        answer = self._shown(lambda: ConfirmDialog("PostgreSQL", question, yes="yes", no="no"))
        return bool(answer)

    def prompt(self, what: str) -> str:
        """A secret, typed unseen; blocking. Raises UsageError where none is given."""
        given = self._shown(
            lambda: create_secret_prompt(what, "It is held in memory, for this run only.")
        )
        if given is None:
            raise UsageError(
                f"{what}: none was given; nothing was sent", "begin again, and type it"
            )
        return given.get_secret_value()

    def _shown(self, dialog: Callable[[], ModalScreen[T]]) -> T | None:
        future: Future[T | None] = Future()

        def show() -> None:
            if self._is_shown():
                self.app.push_screen(dialog(), future.set_result)
            else:
                left = UsageError("the page that asks was left; nothing was sent", "begin again")
                future.set_exception(left)

        self.app.call_later(show)
        return future.result()


def prompt_admin(app: WizardApp, wishes: ApplyOptions, changed: Callable[[], None]) -> None:
    """Ask for the administrator of the database server; `changed` is called for another one."""

    def answered(name: str | None) -> None:
        if name is not None and name != wishes.admin:
            wishes.admin = name
            changed()

    field = TextField(wishes.admin, placeholder="postgres")
    app.push_screen(
        PromptDialog("PostgreSQL's administrator", ADMIN_PROMPT, field, str.strip, "name"), answered
    )


def choose_context(
    app: WizardApp,
    about: tuple[str, str, Sequence[str]],
    holder: object,
    name: str,
    changed: Callable[[], None],
) -> None:
    """Choose a context for the attribute `name` of `holder`; `changed` is called for another one.

    `about` is the title, the words for no context of one's own, and the contexts.
    """
    title, default, contexts = about
    now = getattr(holder, name)

    def answered(chosen: str | None) -> None:
        if chosen is not None and chosen != now:
            setattr(holder, name, chosen)
            changed()

    names = [("", default), *((one, one) for one in contexts)]
    app.push_screen(SelectDialog(title, names, now), answered)
