"""Errands of a page: one at a time, each with consent, and all of them to be left at once.

Dialogs are waited for outside of Textual's workers, what blocks runs in daemon threads: quitting
waits for neither. Values that were typed live as long as the errand that needs them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from textual.screen import ModalScreen
from textual.worker import WorkerError

from screens.prompts import Agree, masked_value
from wizard.errors import WizardError
from wizard.probes import in_thread

if TYPE_CHECKING:
    from pydantic import SecretStr

    from screens.app import WizardApp
    from screens.page import Page

T = TypeVar("T")


class LeftError(Exception):
    """The person said no, or went to another page."""


class Errands:
    """Runs one errand after the other for whichever page of a kind shows them now."""

    def __init__(self, app: WizardApp, page: type[Page]) -> None:
        self.app = app
        self.job: tuple[str, float] | None = None
        self.writing = False
        self.error: WizardError | None = None
        self.show: Callable[[], None] = lambda: None
        self._page = page
        self._task: asyncio.Task[None] | None = None
        self._typed: dict[str, SecretStr] = {}

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._task is not None and not self._task.done()

    def start(self, flow: Callable[[], Awaitable[None]]) -> None:
        """Begin, unless something is under way."""
        if not self.busy:
            self.error = None
            self._task = asyncio.create_task(self._run(flow))

    def stop(self) -> None:
        """Wait no longer; what was sent already may still be carried out."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, flow: Callable[[], Awaitable[None]]) -> None:
        try:
            await flow()
        except LeftError:
            pass
        except WizardError as error:
            self.error = error
        except Exception as error:  # never its text: it may hold a value
            text = f"a bug ({type(error).__name__})"
            self.error = WizardError(text, "`airflow-wizard secrets` says where")
        finally:
            self._typed.clear()
            self.job, self.writing = None, False
            self._task = None
            self.show()

    async def _blocking(self, text: str, call: Callable[[], T]) -> T:
        """The value of a blocking call, told as `text` with the seconds it takes."""
        ended: list[Callable[[], T]] = []

        async def work() -> None:
            try:
                value = await in_thread(call)
            except Exception as error:
                ended.append(_raising(error))
            else:
                ended.append(lambda: value)

        self.job = (text, time.monotonic())
        self.show()
        await self._in_worker(work)
        return ended[0]()

    async def _in_worker(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        worker = self.app.run_worker(work(), group="errands", exit_on_error=False)
        try:
            await worker.wait()
        except WorkerError:
            raise LeftError from None
        finally:
            worker.cancel()
            self.job = None

    async def _ask(self, dialog: ModalScreen[T]) -> T:
        """What a dialog ends with; LeftError where the page it belongs to has gone."""
        page = self.app.screen
        if not isinstance(page, self._page):
            raise LeftError
        future: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

        def answered(value: T | None) -> None:
            if not future.done():
                future.set_result(value)

        self.show()
        self.app.push_screen(dialog, answered)
        value = await future
        if value is None or value is False:
            raise LeftError
        return value

    async def _consent(self, what: str, title: str, text: str, yes: str) -> None:
        """A yes to something outside that was asked for just now; asked once."""
        if what not in self.app.consented:
            await self._ask(Agree(title, text, yes=yes, no="not now", yes_first=True))
            self.app.consented.add(what)

    async def _type(self, key: str, text: str) -> None:
        """A secret, typed unseen; kept until the errand ends."""
        if key not in self._typed:
            self._typed[key] = await self._ask(masked_value(key, text))

    def _prompt(self, key: str) -> str:
        return self._typed[key].get_secret_value()


def _raising(error: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail
