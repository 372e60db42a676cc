"""Tasks of a page: one at a time, each with consent, each stoppable at any time.

Blocking calls run in daemon threads, and tasks belong to the app: quitting waits for neither, and
closing the page stops neither. Typed secrets are dropped when their task ends.
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
    """The user said no, or opened another page."""


class TaskRunner:
    """Runs the tasks of the page `page_name` one at a time; survives closing the page."""

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
        """Whether a task is running."""
        return self._worker is not None

    def start(self, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start a task, unless one is running."""
        if not self.is_busy:
            self._worker = self.host.run_worker(
                partial(self._run, task), group="tasks", exit_on_error=False
            )

    def stop(self) -> None:
        """Stop waiting for the task; a request already sent may still be carried out."""
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
        """Return the value of a blocking call; `text` and its seconds are shown meanwhile."""
        self._begin(text)
        try:
            return await run_in_thread(call)
        finally:
            self.job = None

    def _begin(self, text: str) -> None:
        self.job = (text, time.monotonic())
        self.show()

    async def _ask(self, dialog: ModalScreen[T]) -> T:
        """Return the answer of a dialog; TaskAbandonedError after a no, or without the page."""
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
        """Ask for consent to an action that the user has just requested; once per session."""
        if subject not in self.host.consents:
            await self._ask(ConfirmListDialog(title, text, yes=yes, no="not now", yes_first=True))
            self.host.consents.add(subject)

    async def _prompt_secret(self, key: str, text: str) -> None:
        """Prompt for a secret without showing it; keep it until the task ends."""
        if key not in self._secrets:
            self._secrets[key] = await self._ask(create_secret_prompt(key, text))

    def _prompt(self, key: str) -> str:
        return self._secrets[key].get_secret_value()


def save_unverified(host: Host, installation: str) -> None:
    """Record the unverified probes of a committed installation on this machine; never raises."""
    unverified = host.session.unverified(host.draft)
    if unverified is not None:
        history = UnverifiedHistory(host.workspace.repository, installation)
        history.record_round(unverified, host.workspace.identity.date)
