"""The terminal, which may go away at any time: an SSH connection breaks, tmux is killed.

Textual 8.2 takes an empty read, which is how a terminal ends, for a pipe without news, and reads
again at once, forever. Its thread that writes dies with the first error, and the app then waits for
room in the queue of that thread. Source: `textual.drivers.linux_driver`, `_writer_thread`.
"""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

from textual.drivers.linux_driver import LinuxDriver

from screens.background.pastes import PasteParser

if TYPE_CHECKING:
    from io import TextIOWrapper

    from textual.app import App

_PIECE = 4096


class SessionEnd(Protocol):
    """The end of a session from outside; see `wizard.cli.hangup`."""

    react: Callable[[], None]

    def end(self) -> None:
        """End the session, unless that has begun: calls `react`, from any thread."""


class LocalEnd:
    """The end of screens that no command has opened."""

    def __init__(self) -> None:
        self.react: Callable[[], None] = lambda: None

    def end(self) -> None:
        """End the session."""
        self.react()


class TerminalDriver(LinuxDriver):
    """Textual's driver, with an end: ends the session once the terminal is gone."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._file = cast("TextIOWrapper", _Output(cast("TextIO", self._file)))

    def run_input_thread(self) -> None:
        """Read and dispatch events until the app ends the input, or the terminal ends."""
        parser = PasteParser(self._debug)
        # A terminal with another encoding must not crash the screens.
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(0.1):
                    data = self._read()
                    if not data:
                        self._app.session_end.end()  # type: ignore[attr-defined]
                        return
                    for event in parser.feed(text) if (text := decode(data)) else ():
                        self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)

    def _read(self) -> bytes:
        """Return what was typed; nothing at the end of the terminal."""
        try:
            return os.read(self.fileno, _PIECE)
        except OSError:  # EIO, for a process in the background of a session that has ended
            return b""


class _Output:
    """A stream that drops what can no longer be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()
