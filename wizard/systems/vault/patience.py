"""Repeat a request while Vault asks to wait: a rate limit, or a node that is about to serve."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from wizard.clients.vault.transport import VaultError

T = TypeVar("T")

_TRIES, _MAX_WAIT_SECONDS = 4, 10.0


def retry_busy(ask: Callable[[], T]) -> T:
    """Call `ask` and return its result; try again while Vault gives a time to wait."""
    for _ in range(_TRIES - 1):
        try:
            return ask()
        except VaultError as error:
            wait = error.retry_after
            if wait is None or wait > _MAX_WAIT_SECONDS:
                raise
        time.sleep(wait)
    return ask()
