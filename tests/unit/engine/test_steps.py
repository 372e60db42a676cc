"""The action engine: looks before and after, changes once, stops at the first failure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from wizard.engine.steps import Step, StepEvent, StepStatus, run_steps, select_last
from wizard.errors import ConflictError, Fix, WizardError

SECRET = "hunter2-canary"


class World:
    """What stands outside: each look answers with the next of its looks, the last for ever."""

    def __init__(self, *looks: StepStatus, fails: Exception | None = None) -> None:
        self.looks = list(looks)
        self.fails = fails
        self.changes = 0
        self.rehearsals = 0

    async def check(self) -> StepStatus:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    async def change(self) -> str:
        self.changes += 1
        if self.fails:
            raise self.fails
        return "made"

    async def dry_run_change(self) -> str:
        self.rehearsals += 1
        return "would be made"

    def action(self, name: str = "a", *, waits: bool = False, patience: float = 0.0) -> Step:
        change = None if waits else self.change
        return Step(
            name,
            name.upper(),
            "me",
            "here",
            self.check,
            change,
            self.dry_run_change,
            wait_seconds=patience,
        )


HOLDS, WANTED, UNKNOWN = (
    StepStatus("holds", "is so"),
    StepStatus("wanted", "is not so"),
    StepStatus("unknown", "?"),
)


def told(actions: Iterable[Step], *, dry_run: bool = False) -> list[StepEvent]:
    async def run() -> list[StepEvent]:
        return [event async for event in run_steps(list(actions), dry_run=dry_run, interval=0.01)]

    return asyncio.run(run())


def states(events: Iterable[StepEvent]) -> list[str]:
    return [event.state for event in events]


def test_what_holds_is_not_changed() -> None:
    world = World(HOLDS)
    assert states(told([world.action()])) == ["checking", "holds"]
    assert world.changes == 0


def test_a_change_is_looked_at_again() -> None:
    world = World(WANTED, WANTED, HOLDS)
    events = told([world.action()])
    assert states(events) == ["checking", "changing", "changed"]
    assert events[-1].detail == "made"
    assert world.changes == 1


def test_a_change_that_does_not_hold_has_failed() -> None:
    events = told([World(WANTED).action("a"), World(HOLDS).action("b")])
    assert states(events) == ["checking", "changing", "failed", "left"]
    assert "is not so" in events[2].detail


def test_a_change_whose_effect_cannot_be_read_counts_as_made() -> None:
    assert states(told([World(WANTED, WANTED, UNKNOWN).action()])) == [
        "checking",
        "changing",
        "changed",
    ]


@pytest.mark.parametrize(
    ("look", "state", "rest"),
    [(UNKNOWN, "unknown", "holds"), (StepStatus("blocked", "theirs"), "blocked", "left")],
)
def test_what_cannot_be_read_stops_nothing_and_what_is_anothers_does(
    look: StepStatus, state: str, rest: str
) -> None:
    world = World(look)
    events = told([world.action("a"), World(HOLDS).action("b")])
    assert [event.state for event in events if event.has_ended] == [state, rest]
    assert world.changes == 0


@pytest.mark.parametrize(
    ("later", "ends"),
    [
        (HOLDS, ["unknown", "changed", "holds"]),
        (UNKNOWN, ["unknown", "changed", "unknown"]),
        (StepStatus("blocked", "theirs"), ["unknown", "changed", "blocked"]),
    ],
)
def test_what_a_later_step_made_is_looked_at_again(later: StepStatus, ends: list[str]) -> None:
    login = replace(World(UNKNOWN, later).action("login", waits=True), looks_again=True)
    account = World(WANTED, WANTED, HOLDS)
    events = told([login, account.action("account")])
    assert [event.state for event in events if event.has_ended] == ends
    assert [event.state for event in select_last(events)] == [ends[2], "changed"]
    # A dry run makes nothing, so there is nothing new to see.
    dry = told([login, account.action("account")], dry_run=True)
    assert [event.id for event in dry if event.has_ended] == ["login", "account"]


def test_after_a_failure_nothing_is_looked_at_again() -> None:
    login = replace(World(UNKNOWN, HOLDS).action("login", waits=True), looks_again=True)
    events = told([login, World(WANTED).action("account")])
    assert [event.state for event in events if event.has_ended] == ["unknown", "failed"]


def test_a_failure_says_what_and_what_to_do_and_leaves_the_rest() -> None:
    world = World(WANTED, fails=WizardError("the door is shut", "open it"))
    later = World(WANTED)
    events = told([world.action("a"), later.action("b"), later.action("c")])
    assert [(event.id, event.state) for event in events] == [
        ("a", "checking"), ("a", "changing"), ("a", "failed"), ("b", "left"), ("c", "left"),
    ]  # fmt: skip
    assert (events[2].detail, events[2].fix.text) == ("the door is shut", "open it")
    assert later.changes == 0


def test_a_conflict_while_changing_is_in_the_way_too() -> None:
    world = World(WANTED, fails=ConflictError("another run is under way", "wait for it"))
    assert states(told([world.action("a"), World(HOLDS).action("b")]))[-2:] == ["blocked", "left"]


def test_an_unforeseen_error_is_told_without_its_text() -> None:
    events = told([World(WANTED, fails=ValueError(SECRET)).action()])
    assert states(events)[-1] == "failed"
    assert "ValueError" in events[-1].detail
    assert SECRET not in repr(events)


def test_a_dry_run_rehearses_and_changes_nothing() -> None:
    world = World(WANTED)
    waiting = World(WANTED).action("b", waits=True, patience=60)
    events = told([world.action("a"), waiting], dry_run=True)
    assert [event.state for event in events if event.has_ended] == ["would change", "would wait"]
    assert (world.changes, world.rehearsals) == (0, 1)


def test_waiting_tells_each_new_reason_once_and_ends_when_it_holds() -> None:
    world = World(WANTED, WANTED, StepStatus("wanted", "nearly"), HOLDS)
    events = told([world.action(waits=True, patience=10)])
    assert states(events) == ["checking", "waiting", "waiting", "holds"]
    assert [event.detail for event in events[1:3]] == ["is not so", "nearly"]


def test_waiting_has_a_limit_and_ends_in_the_last_reason() -> None:
    look = StepStatus("wanted", "the store is not valid", Fix("look at its status"))
    events = told([World(look).action(waits=True, patience=0.05)])
    assert states(events) == ["checking", "waiting", "failed"]
    assert "the store is not valid" in events[-1].detail
    assert events[-1].fix.text == "look at its status"
    assert events[-1].seconds >= 0.05


@pytest.mark.parametrize("waits", [False, True])
def test_waiting_ends_at_once_where_nothing_helps(waits: bool) -> None:
    stuck = replace(WANTED, fix=Fix("start it again"), is_stuck=True)
    looks = [WANTED, stuck] if waits else [WANTED, WANTED, stuck]
    events = told([World(*looks).action(waits=waits, patience=60)])
    assert states(events)[-1] == "failed"
    assert (events[-1].detail, events[-1].fix.text) == ("is not so", "start it again")
    assert events[-1].seconds < 30


def test_closing_it_stops_before_the_next_step() -> None:
    worlds = [World(WANTED, WANTED, HOLDS), World(WANTED, WANTED, HOLDS)]

    async def run() -> None:
        events = run_steps([one.action() for one in worlds])
        async for event in events:
            if event.state == "changed":
                break
        await events.aclose()  # type: ignore[attr-defined]

    asyncio.run(run())
    assert [one.changes for one in worlds] == [1, 0]


def test_an_event_leads_to_the_question_of_its_fix() -> None:
    look = StepStatus("blocked", "see database.port", Fix("give another host", "database.host"))
    event = told([World(look).action()])[-1]
    assert event.fix.question == "database.host"
    shown = event.to_json()
    assert (shown["fix"], shown["question"]) == ("give another host", "database.host")


@pytest.mark.parametrize(("error", "state"), [(ConflictError, "blocked"), (WizardError, "failed")])
def test_an_error_hands_its_fix_to_the_event(error: type[WizardError], state: str) -> None:
    def check(hint: Fix | str) -> StepEvent:
        async def look() -> StepStatus:
            raise error("the server says: change dags.ref", hint)

        return told([replace(World(HOLDS).action(), check=look)])[-1]

    led = check(Fix("compare both", "database.host"))
    assert (led.state, led.fix) == (state, Fix("compare both", "database.host"))
    assert check("see dags.ref").fix == Fix("see dags.ref"), "no text is searched"


def test_json_is_a_line_of_plain_values() -> None:
    event = told([World(WANTED, WANTED, HOLDS).action()])[-1]
    assert event.to_json() == {
        "action": "a", "title": "A", "owner": "me", "state": "changed", "detail": "made",
        "fix": "", "diff": "", "seconds": 0.0, "question": "",
    }  # fmt: skip


@pytest.mark.parametrize("dry_run", [False, True])
def test_the_last_step_waits_until_nothing_is_in_the_way(dry_run: bool) -> None:
    """What a repeat needs stays while there is anything to repeat."""
    files = World(WANTED, WANTED, HOLDS)
    alone = replace(World(StepStatus("blocked", "theirs")).action("a"), independent=True)
    last = replace(files.action("files"), is_final=True)
    events = told([alone, World(HOLDS).action("b"), last], dry_run=dry_run)
    assert [event.state for event in events if event.has_ended] == ["blocked", "holds", "blocked"]
    assert ("a (A)" in events[-1].detail, "b (B)" in events[-1].detail) == (True, False)
    assert "run this again" in events[-1].fix.text
    assert (files.changes, files.rehearsals) == (0, 0)
    assert states(told([replace(alone, check=World(UNKNOWN).check), last]))[-1] == "changed"


@pytest.mark.parametrize("dry_run", [False, True])
def test_unknown_is_not_gone(dry_run: bool) -> None:
    """The files stay while nothing shows that what they describe is gone; the rest goes on."""
    files = World(WANTED, WANTED, HOLDS)
    hidden = replace(World(UNKNOWN).action("hidden"), must_hold=True)
    last = replace(files.action("files"), is_final=True)
    events = told([hidden, World(HOLDS).action("b"), last], dry_run=dry_run)
    assert [event.state for event in events if event.has_ended] == ["unknown", "holds", "left"]
    assert "hidden (HIDDEN)" in events[-1].detail
    assert (files.changes, files.rehearsals) == (0, 0)


def test_a_change_that_repeats_is_made_until_it_holds() -> None:
    world = World(*[WANTED] * 6, HOLDS)
    action = replace(world.action(patience=5), repeats=True)
    assert states(told([action]))[-1] == "changed"
    assert world.changes == 3
    # What is another's by now is not changed again.
    world = World(*[WANTED] * 3, StepStatus("blocked", "theirs"))
    action = replace(world.action(patience=5), repeats=True)
    assert states(told([action]))[-1] == "blocked"
    assert world.changes == 1
    world = World(*[WANTED] * 4, HOLDS)
    assert states(told([world.action(patience=5)]))[-1] == "changed"
    assert world.changes == 1


@pytest.mark.parametrize("fails", [False, True])
def test_what_stops_a_later_step_is_seen_before_the_first_change(fails: bool) -> None:
    first, last = World(WANTED, WANTED, HOLDS), World(HOLDS)
    theirs = World(StepStatus("blocked", "theirs", Fix("ask them")))

    async def broken() -> StepStatus:
        raise WizardError("out of reach", "look")

    later = theirs.action("later")
    later = replace(later, check=broken) if fails else later
    waiting = replace(theirs.action("waiting", waits=True, patience=1))
    alone = replace(theirs.action("alone"), independent=True)
    events = told([World(HOLDS).action("a"), first.action("b"), waiting, alone, later,
                   last.action("c")])  # fmt: skip
    done = {event.id: event for event in events if event.has_ended}
    assert first.changes == 0
    state = "failed" if fails else "blocked"
    assert [done[name].state for name in ("a", "b", "later", "c")] == [
        "holds", "left", state, "left",
    ]  # fmt: skip
    assert "later cannot be done" in done["b"].detail
    assert done["later"].fix
    assert len([event for event in events if event.id == "later"]) == 1


def test_nothing_is_looked_at_early_without_a_change() -> None:
    world = World(HOLDS, StepStatus("blocked", "later"))
    assert states(told([World(HOLDS).action(), world.action("b")]))[-1] == "holds"
