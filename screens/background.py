"""Blocking calls off the event loop, in threads that never keep the program from ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from wizard.scanning import Scan

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns or raises, from a daemon thread.

    Not `asyncio.to_thread`: its threads are joined at exit, so a hanging call would hold the
    terminal after the person quit.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: Callable[[], None]) -> None:
        if not future.done():
            result()

    def call() -> None:
        try:
            value = work(*args, **kwargs)
        except BaseException as error:  # handed on to whoever waits
            outcome: Callable[[], None] = _failing(future, error)
        else:
            outcome = _done(future, value)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=call, daemon=True).start()
    return await future


def ask_host(host: str, port: int) -> Scan:
    """The SSH host keys that a host shows; blocking, over after seconds. See `wizard.scanning`."""
    from wizard.backends.ssh import scan

    return scan(host, port)


def _failing(future: asyncio.Future[T], error: BaseException) -> Callable[[], None]:
    return lambda: future.set_exception(error)


def _done(future: asyncio.Future[T], value: T) -> Callable[[], None]:
    return lambda: future.set_result(value)
