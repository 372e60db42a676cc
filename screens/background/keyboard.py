"""Delivers keys one at a time: each after what the one before caused is done.

Textual forwards a key to the widget that has the focus when the key arrives, and handles the key
later. Of two keys that arrive together, the second one then goes where the first one led away
from: it is lost, or lands in another field. Keys that arrive while a page opens wait for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual import events
from textual.widgets import Input

if TYPE_CHECKING:
    from textual.app import App
    from textual.message_pump import MessagePump

# Effects that take longer, such as a busy handler, do not lock the keyboard.
MOST_SECONDS = 2.0
# A handler may post a message, such as a changed text, whose handler does the rest.
ROUNDS = 2


class Keyboard:
    """The keys and pastes that were not delivered yet."""

    def __init__(
        self, app: App[Any], deliver: Callable[[events.Event], Coroutine[Any, Any, None]]
    ) -> None:
        """`deliver` hands an event to the widget with the focus."""
        self._app, self._deliver = app, deliver
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_ready = asyncio.Event()
        self._is_typing = False

    def start(self) -> None:
        """Deliver what was typed before the first page was there."""
        self._is_ready.set()

    @property
    def is_idle(self) -> bool:
        """Whether every key was delivered, and its effects are done."""
        return self._task is None or self._task.done()

    @property
    def has_waiting_keys(self) -> bool:
        """Whether more events arrived than the one that is being delivered."""
        return bool(self._waiting)

    async def drained(self) -> None:
        """Wait until every key was delivered, and its effects are done."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def put(self, event: events.Key | events.Paste) -> None:
        """Deliver the event after those that arrived before."""
        self._waiting.append(event)
        if self.is_idle:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._waiting and self._app.is_running:
            if not _may_quit(self._waiting[0]):
                await self._is_ready.wait()
            event = self._waiting.popleft()
            try:
                await self._deliver_in_turn(event)
            except Exception as error:
                self._app._handle_exception(error)
                return

    async def _deliver_in_turn(self, event: events.Key | events.Paste) -> None:
        """Deliver one event; wait for its effects, unless it is a letter for a field.

        A field takes letters itself and in order, so fast typing needs no wait until another key
        follows: every other key, backspace included, is an action that the app runs later.
        """
        target = self._app.focused or self._app.screen
        is_letter = isinstance(target, Input) and _is_letter(event)
        if self._is_typing and not is_letter:
            await self._settle(target)
            target = self._app.focused or self._app.screen
        delivery = asyncio.create_task(self._deliver(event))
        # Not a timeout around it: a key whose effects take long, or whose terminal stalls, counts.
        await asyncio.wait([delivery], timeout=MOST_SECONDS)
        if delivery.done():
            delivery.result()
        if not is_letter or not self._waiting:
            await self._settle(target)
        self._is_typing = is_letter

    async def _settle(self, target: MessagePump) -> None:
        """Wait until the event and the messages that it caused are handled, but not for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(MOST_SECONDS):
                for _ in range(ROUNDS):
                    await _pass_through(target)
                    target = self._app.focused or self._app.screen


def _is_letter(event: events.Event) -> bool:
    return isinstance(event, events.Key) and event.is_printable


def _may_quit(event: events.Event) -> bool:
    """Return whether the event works without a page."""
    return isinstance(event, events.Key) and event.key in {"ctrl+q", "ctrl+c"}


async def _pass_through(target: MessagePump) -> None:
    """Wait until a widget and all around it have handled what they have been sent so far.

    The app comes last. It also waits for a page that it opens, so this does too.
    """
    node: MessagePump | None = target
    while node is not None:
        done = asyncio.Event()
        if node.is_running and node.call_later(done.set):
            await done.wait()
        node = node._parent
