"""A limit on the total time of a blocking request.

The timeouts of HTTP libraries are for one read of a socket: a server that sends a byte a second
never exceeds them, and never ends. Source: requests, documentation of timeouts.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")

# A large answer of a slow server arrives in this time; one request never takes longer.
REQUEST_SECONDS = 60.0


def call_within(seconds: float, call: Callable[[], T]) -> T:
    """Return the value of a blocking call, which runs in a thread; raises what the call raises.

    Raises TimeoutError when the time is up. The thread is then abandoned, and the process does not
    wait for it; whether a request took effect is unknown.
    """
    values: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            values.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="request", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not values:
        raise TimeoutError
    return values[0]


@contextmanager
def limit_connection(seconds: float, descriptor: int) -> Iterator[None]:
    """Shut a connected socket down if the block takes longer, which ends a blocked read of it."""
    with socket.socket(fileno=os.dup(descriptor)) as own:

        def end() -> None:
            with suppress(OSError):
                own.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
