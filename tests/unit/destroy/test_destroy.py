"""What is taken away last, and what it waits for."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support.rendered import answers
from wizard.clients.kube.resources import find_deletable_resources
from wizard.destroy.data import build_database_removal
from wizard.destroy.files import FileRemoval
from wizard.engine.steps import StepEvent, StepStatus, run_steps
from wizard.git.changes import FileChange


class Slow(FileRemoval):
    """Commits once the event loop has turned meanwhile."""

    def __init__(self) -> None:
        self._name = "airflow"
        self._repository: Any = SimpleNamespace(top=Path("/repository"))
        self.turned = threading.Event()
        self.done = False

    def changes(self) -> list[FileChange]:
        return [] if self.done else [FileChange("a", "a", "delete", b"", None)]

    def _commit(self) -> str:
        self.done = self.turned.wait(5)
        return "committed"


def test_the_commit_leaves_the_loop_free_in_which_the_lock_is_renewed() -> None:
    files = Slow()

    async def run() -> list[StepEvent]:
        action = files.build_step(lambda: None)
        assert action.is_final
        events = []
        async for event in run_steps([action]):
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

    async def looks(pieces: Any) -> list[StepStatus]:
        target: Any = SimpleNamespace(answers=answers("production", own))
        return [await one.check() for one in build_database_removal(target, pieces)]

    kept, results = asyncio.run(looks(()))
    assert (kept.state, "database airflow at db.example.com:5432" in kept.detail) == ("kept", True)
    assert "result backend results at results.example.com:5432" in results.detail
    assert results.fix.text.endswith('DROP DATABASE "results"; DROP ROLE "odd""name";')
    assert [one.state for one in asyncio.run(looks(("database",)))] == ["kept", "kept"]
    del own["database.result_backend.kind"]
    assert len(asyncio.run(looks(()))) == 1


def resource(name: str, kind: str, *verbs: str, namespaced: bool = True) -> dict[str, Any]:
    return {"name": name, "kind": kind, "namespaced": namespaced, "verbs": verbs}


def test_what_a_namespace_may_hold_is_named_once() -> None:
    both = ("delete", "get", "list")
    served = {
        "v1": [resource("pods", "Pod", *both), resource("pods/log", "Pod", "get"),
               resource("nodes", "Node", *both, namespaced=False),
               resource("bindings", "Binding", "create")],
        "x.io/v2": [resource("clusters", "Cluster", *both)],
        "x.io/v1": [resource("clusters", "Cluster", *both), resource("pools", "Pool", *both)],
        "metrics.k8s.io/v1": [resource("pods", "PodMetrics", "get", "list")],
    }  # fmt: skip
    groups: list[Any] = [
        {"versions": [{"groupVersion": "x.io/v1"}, {"groupVersion": "x.io/v2"}],
         "preferredVersion": {"groupVersion": "x.io/v2"}},
        {"versions": [{"groupVersion": "metrics.k8s.io/v1"}]},
    ]  # fmt: skip
    found = find_deletable_resources(groups, served.__getitem__)
    assert set(found) == {("v1", "Pod"), ("x.io/v2", "Cluster"), ("x.io/v1", "Pool")}
    assert found["x.io/v1", "Pool"].path("n") == "/apis/x.io/v1/namespaces/n/pools"
