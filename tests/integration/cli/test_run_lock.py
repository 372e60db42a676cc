"""One run at a time: the Lease on a real API server, from two machines and after a crash."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.support.cluster.argocd import LEASE, World, told
from tests.support.cluster.kubeconfigs import account, rule
from wizard.apply.lock import RunLock
from wizard.apply.process import Process
from wizard.engine.steps import Step, StepStatus, run_steps
from wizard.errors import ConflictError

pytestmark = pytest.mark.integration

ELSEWHERE = Process("0123456789abcdef", 1, "1")


@pytest.fixture(autouse=True)
def namespace(world: World) -> None:
    """Argo CD's namespace, where the Lease is, exists."""
    world.put("ConfigMap", "there", data={})


def lock(world: World, holder: str = "ada@here", seconds: float = 1, **more: Any) -> RunLock:
    return RunLock(world.client(), world.argo, "airflow", holder=holder, seconds=seconds, **more)


class Work:
    """Something to do, once."""

    def __init__(self, done: bool = False) -> None:
        self.state: Any = "holds" if done else "wanted"
        self.changes = 0

    def action(self) -> Step:
        async def check() -> StepStatus:
            return StepStatus(self.state, "work")

        async def change() -> str:
            self.changes += 1
            self.state = "holds"
            return "worked"

        return Step("work", "Work", "me", "here", check, change)


async def test_it_is_taken_for_work_and_given_back(world: World) -> None:
    work = Work()
    async with lock(world) as held:
        assert world.lease() is None
        async for _ in run_steps(held.lock_steps([work.action()])):
            pass
        assert held.held
        assert world.lease()["holderIdentity"] == "ada@here"
    assert work.changes == 1
    assert world.lease() is None


async def test_nothing_to_do_needs_no_lock(world: World) -> None:
    async with lock(world) as held:
        async for _ in run_steps(held.lock_steps([Work(done=True).action()])):
            pass
    assert world.lines == []


async def test_of_two_runs_one_is_told_who_is_under_way(world: World) -> None:
    async with lock(world) as first, lock(world, "bob@there", process=ELSEWHERE) as second:
        assert await first.acquire()
        assert not await first.acquire()
        with pytest.raises(ConflictError, match="ada@here since 20"):
            await second.acquire()
        assert not second.held
        assert world.lease()["holderIdentity"] == "ada@here"
    assert world.lease() is None


async def test_two_runs_at_once_never_both_hold_it(world: World) -> None:
    locks = [lock(world, f"{n}@m", process=replace(ELSEWHERE, machine=str(n))) for n in range(3)]
    found = await asyncio.gather(*(one.acquire() for one in locks), return_exceptions=True)
    assert [one for one in found if one is True] == [True]
    assert sum(isinstance(one, ConflictError) for one in found) == 2
    for one in locks:
        await one.release()
    assert world.lease() is None


async def test_it_is_renewed_while_it_is_held(world: World) -> None:
    async with lock(world) as held:
        await held.acquire()
        first = world.lease()["renewTime"]
        await asyncio.sleep(1.2)
        assert world.lease()["renewTime"] > first
        assert held.held


def left_behind(world: World, process: Process) -> None:
    """As a run leaves it that was killed."""
    one = lock(world, "dead@there", process=process)
    world.client().create(one._build_lease(4))


async def test_one_that_is_not_renewed_is_taken_over_when_it_has_expired(world: World) -> None:
    left_behind(world, ELSEWHERE)
    started = time.monotonic()
    async with lock(world) as held:
        await held.acquire()
        assert time.monotonic() - started >= 1
        spec = world.lease()
        assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("ada@here", 5)


async def test_a_dead_process_of_this_machine_holds_nothing(world: World) -> None:
    here = Process.current()
    if not here.machine:
        pytest.skip("this system has no /proc to tell processes by")
    left_behind(world, replace(here, started="1"))
    started = time.monotonic()
    async with lock(world, seconds=30) as held:
        await held.acquire()
        assert time.monotonic() - started < 5
        assert held.held


async def test_what_the_other_run_has_done_is_not_done_again(world: World) -> None:
    """Nor is anything changed that became another's while this run waited for the lock."""
    for state in ("holds", "blocked", "unknown"):
        work = Work()
        left_behind(world, ELSEWHERE)
        events = []
        async with lock(world) as held:
            async for event in run_steps(held.lock_steps([work.action()])):
                if event.state == "changing":
                    assert not held.held
                    work.state = state
                events.append(event)
            assert held.held
        assert events[-1].state == state
        assert work.changes == 0


async def test_a_run_that_was_taken_over_stops(world: World) -> None:
    async with lock(world) as held:
        await held.acquire()
        found = world.read(LEASE)
        found["spec"]["holderIdentity"] = "bob@there"
        path = LEASE.format(argo=world.argo)
        world.server.request("PUT", path, found)
        await asyncio.sleep(0.8)
        assert not held.held
        with pytest.raises(ConflictError, match="bob@there"):
            await held.acquire()
    assert world.lease()["holderIdentity"] == "bob@there"


async def test_a_lease_that_was_deleted_is_made_again(world: World) -> None:
    async with lock(world) as held:
        await held.acquire()
        world.server.request("DELETE", LEASE.format(argo=world.argo))
        await asyncio.sleep(0.8)
        assert held.held
        assert world.lease()["holderIdentity"] == "ada@here"
        assert await held.acquire() is False
    assert world.lease() is None


async def test_a_lease_that_another_run_made_meanwhile_is_lost(world: World) -> None:
    async with lock(world) as held, lock(world, "bob@there") as other:
        await held.acquire()
        world.server.request("DELETE", LEASE.format(argo=world.argo))
        await other.acquire()
        await asyncio.sleep(0.8)
        with pytest.raises(ConflictError, match="bob@there"):
            await held.acquire()
        assert world.lease()["holderIdentity"] == "bob@there"


async def test_a_lease_that_went_with_its_namespace_is_not_lost(world: World) -> None:
    """`destroy --data namespace` under Helm deletes the namespace that the Lease is in."""
    where = f"/api/v1/namespaces/{world.argo}"
    work = Work()
    async with lock(world) as held:
        await held.acquire()
        world.server.request("DELETE", where)
        await asyncio.sleep(0.8)
        assert held.held
        world.server.request("DELETE", LEASE.format(argo=world.argo))
        await asyncio.sleep(0.8)
        events = [event async for event in run_steps(held.lock_steps([work.action()]))]
        assert events[-1].state == "changed"
        found = world.read(where)
        found["spec"]["finalizers"] = []
        world.server.request("PUT", f"{where}/finalize", found)
        await asyncio.sleep(0.8)
        assert await held.acquire() is False
        assert "other machines are not prevented" in held.note


async def test_without_the_right_it_goes_on_and_says_so(world: World) -> None:
    _, token = account(world.server, rule("get", "configmaps"))
    one = RunLock(world.client(token), world.argo, "airflow", seconds=1)
    work = Work()
    async with one as held:
        events = [event async for event in run_steps(held.lock_steps([work.action()]))]
    assert events[-1].state == "changed"
    assert "are not prevented" in one.note
    nowhere = RunLock(None, world.argo, "airflow")
    assert not await nowhere.acquire()
    assert nowhere.note


def test_a_busy_lock_ends_the_run(world: World) -> None:
    left_behind(world, ELSEWHERE)

    async def run() -> Any:
        async with lock(world, process=ELSEWHERE) as held:
            await held.acquire()
            other = lock(world, "bob@there", process=replace(ELSEWHERE, machine="other"))
            guarded = other.lock_steps([Work().action()])
            return [event async for event in run_steps(guarded)][-1]

    event = asyncio.run(run())
    assert (event.state, "ada@here" in event.detail) == ("blocked", True)
    assert told([]) == {}
