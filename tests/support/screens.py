"""Screens as plain text: what a person without colours sees, comparable and readable in a diff.

`app.screen._compositor` is private to Textual; the frames have been the same bytes from Textual
6.12 to 8.2, and a test that compares one fails loudly should that change. Its pilot waits after
every key until the process used no time for a while; these helpers look whether anything is left
to do, which takes a tenth of that and cannot be wrong on a busy machine.
"""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from textual import events
from textual.app import App
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import ModalScreen, Screen
from textual.timer import Timer
from textual.worker import WorkerCancelled

from screens.app import WizardApp
from screens.pages.loading import LoadingScreen

MOST_SECONDS = 60.0
# Each takes a millisecond or more.
MOST_ROUNDS = 30_000
# A timer that is due sooner is part of what follows a key; a later one (a cursor's) is not.
SOON = 0.5


def frame(app: App[Any]) -> str:
    """The screen on top as lines of text without trailing spaces."""
    strips = app.screen._compositor.render_strips()
    return "".join(strip.text.rstrip() + "\n" for strip in strips)


async def settled(pilot: Pilot[Any]) -> str:
    """The frame once nothing is left to do; AssertionError if that never comes."""
    app = pilot.app
    deadline = time.monotonic() + MOST_SECONDS
    quiet = 0
    while quiet < 2:
        assert time.monotonic() < deadline, f"the screen did not come to rest:\n{frame(app)}"
        await processed(pilot)
        if app._exception is not None or not app.is_running:
            break
        # Under a dialog, work that goes on waits for the person who answers it.
        asked = isinstance(app.screen, ModalScreen)
        working = not asked and any(not worker.is_finished for worker in app.workers)
        waiting = any(map(_is_due, _pumps(app)))
        opening = isinstance(app.screen, LoadingScreen)
        quiet = 0 if working or waiting or opening else quiet + 1
        if not quiet:
            await asyncio.sleep(0.002)
    if not isinstance(app.screen, ModalScreen):
        # One that another took the place of has nothing more to say.
        with suppress(WorkerCancelled):
            await app.workers.wait_for_complete()
    return frame(app)


async def send(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys one after the other, each once what the one before said was heard."""
    for key in keys:
        post(pilot.app, key)
        await processed(pilot)


def post(app: App[Any], key: str) -> None:
    """Send a key as a terminal does; `paste:TEXT` is a paste, which comes as one event."""
    if key.startswith("paste:"):
        app.post_message(events.Paste(key.removeprefix("paste:")))
        return
    name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
    original = REPLACED_KEYS.get(name, name)
    try:
        char: str | None = unicodedata.lookup(_get_unicode_name_from_key(original))
    except KeyError:
        char = key if len(key) == 1 else None
    event = events.Key(name, char)
    event.set_sender(app)
    assert app._driver is not None
    app._driver.send_message(event)


async def processed(pilot: Pilot[Any]) -> None:
    """Every message that is under way was handled, and so were those which that sent."""
    app = pilot.app
    while app.is_running:
        await _deliver_keys(app)
        await pilot._wait_for_screen()
        if _is_delivered(app) and not any(_has_more(pump) for pump in _pumps(app)):
            break
    if app.is_running:
        app.screen._on_timer_update()


async def _deliver_keys(app: App[Any]) -> None:
    """Wait for the wizard's queue of keys, with fewer messages than a wait for every widget.

    AssertionError if the app takes no message for a while: something in it has died.
    """
    rounds = 0
    while isinstance(app, WizardApp) and not isinstance(app.screen, LoadingScreen):
        await app.keyboard.drained()
        if not app.message_queue_size:
            break
        rounds += 1
        assert rounds < MOST_ROUNDS, "the app takes no keys"
        await asyncio.sleep(0.001)


def _is_delivered(app: App[Any]) -> bool:
    """Whether every key reached its widget; only the wizard has a queue of its own for them."""
    return (
        not isinstance(app, WizardApp)
        or isinstance(app.screen, LoadingScreen)
        or app.keyboard.is_idle
    )


def _pumps(app: App[Any]) -> Iterator[MessagePump]:
    yield app
    yield from app.screen.walk_children(with_self=True)


def _is_unfinished(screen: Screen[Any]) -> bool:
    """Whether something is to be drawn, or called once that is done."""
    to_do = (screen._callbacks, screen._dirty_widgets, screen._layout_required)
    return any(map(bool, to_do)) or screen._repaint_required or screen._scroll_required


def _is_due(pump: MessagePump) -> bool:
    """Whether a timer of this one fires once, and soon."""
    return any(_fires_soon(timer) for timer in pump._timers)


def _fires_soon(timer: Timer) -> bool:
    task = timer._task
    if task is None or task.done() or not timer._active.is_set():
        return False
    return timer._repeat == 0 and timer._interval < SOON


def _has_more(pump: MessagePump) -> bool:
    # The app sends a new size on once it has nothing else to do.
    is_resizing = isinstance(pump, App) and pump._resize_event is not None
    return is_resizing or pump.message_queue_size > 0 or len(pump._next_callbacks) > 0
