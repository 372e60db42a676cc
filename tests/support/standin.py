"""A stand-in for a controller: it looks again and again in a thread of its own."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self


class StandIn:
    """Runs between `with` and its end; `faults` are what it did not expect, and each round goes on.

    Subclasses say what one look does in `look`.
    """

    pause = 0.05
    patience = 30.0

    def __init__(self) -> None:
        self.faults: list[BaseException] = []
        self._ended = threading.Event()
        name = type(self).__name__
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def look(self) -> None:
        """One round."""
        raise NotImplementedError

    def _run(self) -> None:
        while not self._ended.wait(self.pause):
            try:
                self.look()
            except Exception as error:
                self.faults.append(error)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(self.patience)
