"""What is taken away last, and what it waits for."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from wizard.actions import Event, run_actions
from wizard.plan import Change
from wizard.removing.files import Files


class Slow(Files):
    """Commits once the event loop has turned meanwhile."""

    def __init__(self) -> None:
        self._name = "airflow"
        self._repository: Any = SimpleNamespace(top=Path("/repository"))
        self.turned = threading.Event()
        self.done = False

    def changes(self) -> list[Change]:
        return [] if self.done else [Change("a", "a", "delete", b"", None)]

    def _commit(self) -> str:
        self.done = self.turned.wait(5)
        return "committed"


def test_the_commit_leaves_the_loop_free_in_which_the_lock_is_renewed() -> None:
    files = Slow()

    async def run() -> list[Event]:
        action = files.action(lambda: None)
        assert action.last
        events = []
        async for event in run_actions([action]):
            events.append(event)
            if event.state == "changing":
                asyncio.get_running_loop().call_later(0.05, files.turned.set)
        return events

    assert asyncio.run(run())[-1].state == "changed"
