"""Whatever changes between plan and change is seen: what became another's is never changed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.engine.steps import Step, StepEvent, StepStatus, run_steps
from wizard.errors import ConflictError

STATES = ("holds", "wanted", "blocked", "unknown", "kept")
DIFFS = ("", "one", "another")


@dataclass
class Object:
    """What a step changes, as it is now; others may change it at any time."""

    state: str
    diff: str = ""
    done: bool = False
    shown: str | None = None
    faults: list[str] = field(default_factory=list)

    def look(self) -> StepStatus:
        state = "holds" if self.done else self.state
        return StepStatus(state, "seen", diff=self.diff)  # type: ignore[arg-type]

    def change(self) -> None:
        if self.done or self.state != "wanted":
            self.faults.append(f"changed while it was {self.state}")
        if self.diff != self.shown:
            self.faults.append(f"changed {self.diff}, but {self.shown} was shown")
        self.done = True


@dataclass
class World:
    """A run among others: they act whenever this run waits, reads something else, or is shown."""

    objects: list[Object]
    moves: list[tuple[int, str, str] | None]

    def others_act(self) -> None:
        move = self.moves.pop(0) if self.moves else None
        if move is not None:
            number, state, diff = move
            one = self.objects[number % len(self.objects)]
            one.state, one.diff, one.done = state, diff, False

    def step(self, number: int, *, independent: bool) -> Step:
        one = self.objects[number]

        async def check() -> StepStatus:
            # Before the answer: between the last one and the change no time passes.
            self.others_act()
            return one.look()

        async def change() -> str:
            one.change()
            self.others_act()
            return "changed"

        async def acquire() -> None:
            self.others_act()

        return Step(
            f"s{number}", "", "me", "here", check, change, independent=independent,
            acquire=acquire, wait_seconds=0.01, repeats=number % 2 == 0,
        )  # fmt: skip

    def run(self, independent: list[bool]) -> list[StepEvent]:
        steps = [self.step(n, independent=independent[n]) for n in range(len(self.objects))]

        async def collect() -> list[StepEvent]:
            found = []
            async for event in run_steps(steps, interval=0.001):
                if event.state == "changing":
                    self.objects[int(event.id[1:])].shown = event.diff
                # A person reads it, and others go on.
                self.others_act()
                found.append(event)
            return found

        return asyncio.run(collect())


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, list[bool]]:
    count = draw(st.integers(1, 4))
    one = st.builds(Object, st.sampled_from(STATES), st.sampled_from(DIFFS))
    objects = draw(st.lists(one, min_size=count, max_size=count))
    move = st.tuples(st.integers(0, 3), st.sampled_from(STATES), st.sampled_from(DIFFS))
    moves = draw(st.lists(st.one_of(st.none(), move), max_size=30))
    alone = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return World(objects, moves), alone


@given(worlds())
def test_what_was_not_shown_is_never_changed(drawn: tuple[World, list[bool]]) -> None:
    world, alone = drawn
    events = world.run(alone)
    assert [one.faults for one in world.objects] == [[] for _ in world.objects]
    ended = [event.id for event in events if event.has_ended]
    assert ended == [f"s{number}" for number in range(len(world.objects))]


@pytest.mark.parametrize("state", STATES)
def test_what_it_became_while_this_run_waited_for_its_turn_counts(state: str) -> None:
    one, later = Object("wanted"), Object("holds")
    # Told that it is checked, the check, told that it changes, and its turn.
    world = World([one, later], [None, None, None, None, (0, state, "")])
    events = world.run([False, False])
    assert one.done is (state == "wanted")
    ended = [event.state for event in events if event.has_ended]
    assert ended[0] == ("changed" if state == "wanted" else state)


def test_another_difference_than_the_one_shown_needs_another_look() -> None:
    one = Object("wanted", "one")
    world = World([one], [None, None, None, (0, "wanted", "another")])
    events = world.run([False])
    assert (events[-1].state, events[-1].diff) == ("blocked", "another")
    assert "run this again" in events[-1].fix.text
    assert not one.done


def test_the_last_check_reads_nothing_from_a_cache() -> None:
    one = Object("wanted")
    cache: list[StepStatus] = []

    async def check() -> StepStatus:
        if not cache:
            cache.append(one.look())
        return cache[0]

    async def change() -> str:
        one.change()
        return ""

    async def acquire() -> None:
        one.state = "kept"

    async def collect() -> list[StepEvent]:
        step = Step("s", "", "me", "here", check, change, acquire=acquire, forget=cache.clear)
        return [event async for event in run_steps([step])]

    assert asyncio.run(collect())[-1].state == "kept"
    assert not one.done


def test_a_turn_that_does_not_come_changes_nothing() -> None:
    one = Object("wanted")

    async def refuse() -> None:
        raise ConflictError("another run is in progress", "wait until it ends")

    async def check() -> StepStatus:
        return one.look()

    async def change() -> str:
        one.change()
        return ""

    async def collect() -> list[StepEvent]:
        step = Step("s", "", "me", "here", check, change, acquire=refuse)
        return [event async for event in run_steps([step])]

    events = asyncio.run(collect())
    assert (events[-1].state, events[-1].detail) == ("blocked", "another run is in progress")
    assert not one.done
