"""The options of `apply`, chosen on its page, and the run prepared with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from screens.text import plain
from screens.widgets.choices import MarkedOptionList
from screens.widgets.dialogs import ConfirmDialog
from screens.widgets.fields import TextField
from screens.widgets.prompts import PromptDialog, create_secret_prompt
from wizard.apply.prepare import PreparedRun, prepare_run
from wizard.clients.kube.config import list_kube_contexts
from wizard.errors import UsageError
from wizard.systems.database.admin import prepare_admin
from wizard.workspace.installation import refresh_installation

if TYPE_CHECKING:
    from screens.host import Host

    Prepare = Callable[[Host, str, "ApplyOptions"], PreparedRun]

T = TypeVar("T")

ADMIN_PROMPT = (
    "This login creates the role and the database if they are missing; it needs only CREATEROLE "
    "and CREATEDB. The password comes from PGPASSWORD or PGPASSFILE, or you are prompted for it. "
    "Leave the name empty if the owner of PostgreSQL creates both."
)


@dataclass
class ApplyOptions:
    """The options of `apply`; the context of Airflow's cluster is in `Host.context`.

    `hub` is the context of the cluster that Argo CD runs in (empty: the same cluster). `admin`
    creates PostgreSQL's role and database (empty: their owner does). `take_over` holds the seals
    of the diffs that the user agreed to. `is_shown` returns whether the page is still open.
    """

    hub: str = ""
    admin: str = ""
    take_over: list[str] = field(default_factory=list)
    is_shown: Callable[[], bool] = lambda: True


def prepare_committed_run(host: Host, name: str, options: ApplyOptions) -> PreparedRun:
    """Return the run of an installation as committed now; raises the errors of `apply`."""
    found = refresh_installation(host.workspace, name)
    database = None
    if options.admin:
        prompter = DialogPrompter(host, options.is_shown)
        database = prepare_admin(options.admin, found, ask=prompter.ask, prompt=prompter.prompt)
    return prepare_run(
        found,
        context=host.context,
        argocd_context=options.hub,
        database=database,
        chart=str(host.chart or ""),
        take_over=options.take_over,
    )


def list_contexts() -> tuple[str, ...]:
    """Return the contexts of the kubeconfig; none without a readable kubeconfig."""
    with suppress(UsageError):
        return list_kube_contexts()[0]
    return ()


def consent_key(plan: PreparedRun) -> object:
    """Return what the user agrees to: the digest, the identities and the steps."""
    steps = [(one.id, one.title, one.endpoint) for one in plan.planned_steps]
    return (plan.target.digest, plan.target.identities, steps)


class DialogPrompter:
    """Asks the questions of the command line in dialogs; escape answers no."""

    def __init__(self, host: Host, is_shown: Callable[[], bool]) -> None:
        """`is_shown` returns whether the page is still open; called on the app's thread."""
        self.host, self._is_shown = host, is_shown

    def ask(self, question: str) -> bool:
        """Ask for consent; blocking, must not be called on the app's own thread."""
        answer = self._show(lambda: ConfirmDialog("PostgreSQL", question, yes="yes", no="no"))
        return bool(answer)

    def prompt(self, what: str) -> str:
        """Prompt for a secret without showing it; blocking. Raises UsageError without a value."""
        secret = self._show(
            lambda: create_secret_prompt(what, "It is kept in memory, for this run only.")
        )
        if secret is None:
            raise UsageError(f"{what}: no value typed; nothing was sent", "start again and type it")
        return secret.get_secret_value()

    def _show(self, create: Callable[[], ModalScreen[T]]) -> T | None:
        future: Future[T | None] = Future()

        def show() -> None:
            if self._is_shown():
                self.host.push_screen(create(), future.set_result)
            else:
                error = UsageError("the page was closed; nothing was sent", "start again")
                future.set_exception(error)

        self.host.call_later(show)
        return future.result()


def prompt_admin(host: Host, now: str, change: Callable[[str], None]) -> None:
    """Prompt for the database administrator; calls `change` with a different name."""

    def answer(name: str | None) -> None:
        if name is not None and name != now:
            change(name)

    name_field = TextField(now, placeholder="postgres")
    host.push_screen(
        PromptDialog("PostgreSQL's administrator", ADMIN_PROMPT, name_field, str.strip, "name"),
        answer,
    )


def select_context(
    host: Host, about: tuple[str, str, Sequence[str]], now: str, change: Callable[[str], None]
) -> None:
    """Let the user select a kubeconfig context; calls `change` if it differs from `now`.

    `about` is the title, the label of the empty choice, and the contexts.
    """
    title, default, contexts = about

    def answer(name: str | None) -> None:
        if name is not None and name != now:
            change(name)

    names = [("", default), *((one, one) for one in contexts)]
    host.push_screen(SelectDialog(title, names, now), answer)


class SelectDialog(ModalScreen[str | None]):
    """A list of names to select from; escape changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+q,ctrl+c", "cancel", "keep", priority=True)
    ]

    def __init__(self, title: str, names: Sequence[tuple[str, str]], chosen: str) -> None:
        """`names` are values and their labels."""
        super().__init__()
        self.title_text, self.names, self.chosen = title, names, chosen

    def compose(self) -> ComposeResult:
        """Yield title, names and key hint."""
        with Vertical(classes="dialog"):
            yield Static(plain(self.title_text), classes="title")
            yield MarkedOptionList(*(Option(plain(words)) for _, words in self.names), compact=True)
            yield Static("enter selects, escape cancels", classes="hint")

    def on_mount(self) -> None:
        """Highlight the current value."""
        values = [value for value, _ in self.names]
        number = values.index(self.chosen) if self.chosen in values else 0
        self.query_one(OptionList).highlighted = number

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.names[event.option_index][0])

    def action_cancel(self) -> None:
        """Close without a change."""
        self.dismiss(None)
