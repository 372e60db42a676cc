"""What is taken away last, and what it waits for."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.rendered import answers
from wizard.actions import Event, Look, run_actions
from wizard.plan import Change
from wizard.removing.data import databases
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


def test_a_result_backend_of_its_own_is_told_to_its_owner_too() -> None:
    own = {
        "database.host": "db.example.com",
        "database.result_backend.kind": "separate",
        "database.result_backend.host": "results.example.com",
        "database.result_backend.name": "results",
        "database.result_backend.user": 'odd"name',
    }

    async def looks(pieces: Any) -> list[Look]:
        target: Any = SimpleNamespace(answers=answers("production", own))
        return [await one.check() for one in databases(target, pieces)]

    kept, results = asyncio.run(looks(()))
    assert (kept.state, "database airflow at db.example.com:5432" in kept.detail) == ("kept", True)
    assert "result backend results at results.example.com:5432" in results.detail
    assert results.fix.endswith('DROP DATABASE "results"; DROP ROLE "odd""name";')
    assert [one.state for one in asyncio.run(looks(("database",)))] == ["unknown", "unknown"]
    del own["database.result_backend.kind"]
    assert len(asyncio.run(looks(()))) == 1
