"""Tasks of a page: one at a time, each with consent, and all of them to be left at once.

What blocks runs in daemon threads, and a task belongs to the app: quitting waits for neither,
and a page that goes away takes nothing with it. Values that were typed live as long as the task
that needs them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from textual.screen import ModalScreen
from textual.worker import Worker

from screens.text import as_error
from screens.widgets.prompts import ConfirmListDialog, create_secret_prompt
from wizard.engine.probes import run_in_thread
from wizard.errors import WizardError
from wizard.state.unverified import UnverifiedHistory

if TYPE_CHECKING:
    from pydantic import SecretStr

    from screens.host import Host

T = TypeVar("T")


class TaskAbandonedError(Exception):
    """The person said no, or went to another page."""


class TaskRunner:
    """Runs one task after the other for the page `page_name`, as often as it is opened."""

    def __init__(self, host: Host, page_name: str) -> None:
        self.host, self.page_name = host, page_name
        self.job: tuple[str, float] | None = None
        self.is_writing = False
        self.error: WizardError | None = None
        self.show: Callable[[], None] = lambda: None
        self._worker: Worker[None] | None = None
        self._secrets: dict[str, SecretStr] = {}

    @property
    def is_busy(self) -> bool:
        """Whether something is under way."""
        return self._worker is not None

    def start(self, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin, unless something is under way."""
        if not self.is_busy:
            self._worker = self.host.run_worker(
                partial(self._run, task), group="tasks", exit_on_error=False
            )

    def stop(self) -> None:
        """Wait no longer; what was sent already may still be carried out."""
        if self._worker is not None:
            self._worker.cancel()

    async def _run(self, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        previous, self.error = self.error, None
        try:
            await task()
        except TaskAbandonedError:
            self.error = previous
        except Exception as error:
            self.error = as_error(error, "secrets")
        finally:
            self._secrets.clear()
            self.job, self.is_writing = None, False
            self._worker = None
            self.show()

    async def _run_in_thread(self, text: str, call: Callable[[], T]) -> T:
        """The value of a blocking call, told as `text` with the seconds it takes."""
        self._begin(text)
        try:
            return await run_in_thread(call)
        finally:
            self.job = None

    def _begin(self, text: str) -> None:
        self.job = (text, time.monotonic())
        self.show()

    async def _ask(self, dialog: ModalScreen[T]) -> T:
        """What a dialog ends with; TaskAbandonedError where its page has gone."""
        if self.host.page_name != self.page_name:
            raise TaskAbandonedError
        future: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

        def answer(value: T | None) -> None:
            if not future.done():
                future.set_result(value)

        self.show()
        self.host.push_screen(dialog, answer)
        value = await future
        if value is None or value is False:
            raise TaskAbandonedError
        return value

    async def _consent(self, subject: str, title: str, text: str, yes: str) -> None:
        """A yes to something outside that was asked for just now; asked once."""
        if subject not in self.host.consents:
            await self._ask(ConfirmListDialog(title, text, yes=yes, no="not now", yes_first=True))
            self.host.consents.add(subject)

    async def _prompt_secret(self, key: str, text: str) -> None:
        """A secret, typed unseen; kept until the task ends."""
        if key not in self._secrets:
            self._secrets[key] = await self._ask(create_secret_prompt(key, text))

    def _prompt(self, key: str) -> str:
        return self._secrets[key].get_secret_value()


def save_unverified(host: Host, installation: str) -> None:
    """Keep on this machine what stays unverified of a committed installation; never raises."""
    unverified = host.session.unverified(host.draft)
    if unverified is not None:
        history = UnverifiedHistory(host.workspace.repository, installation)
        history.record_round(unverified, host.workspace.identity.date)
