"""What `apply` takes as options, chosen on its page; the run prepared with them."""

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
    "Its login creates role and database where they are missing; CREATEROLE and CREATEDB are "
    "enough. The password comes from PGPASSWORD or PGPASSFILE, else it is asked for, unseen. "
    "Empty: leave PostgreSQL to its owner."
)


@dataclass
class ApplyOptions:
    """What `apply` takes as options; the context of Airflow's cluster is the app's own.

    `hub` is the context of the cluster that Argo CD runs in (empty: the same cluster), `admin` who
    makes PostgreSQL's role and database (empty: their owner does), `take_over` the seals of the
    diffs of others' objects that were agreed to. `is_shown`: whether the page is still there.
    """

    hub: str = ""
    admin: str = ""
    take_over: list[str] = field(default_factory=list)
    is_shown: Callable[[], bool] = lambda: True


def prepare_committed_run(host: Host, name: str, options: ApplyOptions) -> PreparedRun:
    """The run of an installation as it is committed now; refused in the words of `apply`."""
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
    """The contexts of this machine's kubeconfig; none where there is none that can be read."""
    with suppress(UsageError):
        return list_kube_contexts()[0]
    return ()


def consent_key(plan: PreparedRun) -> object:
    """What a yes is about: the state, the identities and the steps."""
    steps = [(one.id, one.title, one.endpoint) for one in plan.planned_steps]
    return (plan.target.digest, plan.target.identities, steps)


class DialogPrompter:
    """What the command line asks on its terminal, as dialogs; escape is a no."""

    def __init__(self, host: Host, is_shown: Callable[[], bool]) -> None:
        """`is_shown` says whether the page that asks is still there; called on the app's thread."""
        self.host, self._is_shown = host, is_shown

    def ask(self, question: str) -> bool:
        """A yes to something outside; blocking, never called on the app's own thread."""
        answer = self._show(lambda: ConfirmDialog("PostgreSQL", question, yes="yes", no="no"))
        return bool(answer)

    def prompt(self, what: str) -> str:
        """A secret, typed unseen; blocking. Raises UsageError where none is given."""
        secret = self._show(
            lambda: create_secret_prompt(what, "It is held in memory, for this run only.")
        )
        if secret is None:
            raise UsageError(
                f"{what}: none was given; nothing was sent", "begin again, and type it"
            )
        return secret.get_secret_value()

    def _show(self, create: Callable[[], ModalScreen[T]]) -> T | None:
        future: Future[T | None] = Future()

        def show() -> None:
            if self._is_shown():
                self.host.push_screen(create(), future.set_result)
            else:
                error = UsageError("the page that asks was left; nothing was sent", "begin again")
                future.set_exception(error)

        self.host.call_later(show)
        return future.result()


def prompt_admin(host: Host, now: str, change: Callable[[str], None]) -> None:
    """Ask for the administrator of the database server; `change` is called for another one."""

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
    """Select a kubeconfig context; `change` is called for another one than `now`.

    `about` is the title, the words for no context of one's own, and the contexts.
    """
    title, default, contexts = about

    def answer(name: str | None) -> None:
        if name is not None and name != now:
            change(name)

    names = [("", default), *((one, one) for one in contexts)]
    host.push_screen(SelectDialog(title, names, now), answer)


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
