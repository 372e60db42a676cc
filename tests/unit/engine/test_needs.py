"""What depends on a blocked step is blocked with it, in every plan."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from wizard.engine.steps import Step, StepEvent, StepStatus, run_steps

STATES = ("holds", "wanted", "blocked", "unknown", "kept")


@dataclass
class Object:
    """What a step removes; `changed` once it did."""

    state: str
    changed: bool = False

    async def check(self) -> StepStatus:
        return StepStatus("holds" if self.changed else self.state)  # type: ignore[arg-type]

    async def change(self) -> str:
        self.changed = True
        return "removed"


@dataclass
class Plan:
    steps: list[Step] = field(default_factory=list)
    objects: list[Object] = field(default_factory=list)

    def run(self) -> dict[str, StepEvent]:
        async def collect() -> list[StepEvent]:
            return [one async for one in run_steps(self.steps) if one.has_ended]

        return {one.id: one for one in asyncio.run(collect())}


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Steps in an order in which each may need any earlier ones, and one that is not there."""
    plan = Plan()
    for number in range(draw(st.integers(1, 9))):
        one = Object(draw(st.sampled_from(STATES)))
        before = [f"s{earlier}" for earlier in range(number)]
        needs = draw(st.lists(st.sampled_from([*before, "absent"]), unique=True, max_size=4))
        plan.objects.append(one)
        plan.steps.append(
            Step(
                f"s{number}", "", "me", "here", one.check, one.change,
                independent=draw(st.booleans()), needs=tuple(needs),
            )
        )  # fmt: skip
    return plan


@given(plans())
def test_nothing_is_changed_that_depends_on_what_was_not_done(plan: Plan) -> None:
    seen = plan.run()
    assert list(seen) == [step.id for step in plan.steps]
    for step, one in zip(plan.steps, plan.objects, strict=True):
        states = {seen[name].state for name in step.needs if name in seen}
        if "blocked" in states:
            assert seen[step.id].state in {"blocked", "left"}
        if states & {"blocked", "unknown", "left"}:
            assert not one.changed, (step.id, states)
        elif one.state == "wanted" and seen[step.id].state != "left":
            assert one.changed
    stops = [
        step.id for step in plan.steps if not step.independent and seen[step.id].state == "blocked"
    ]
    if stops:
        after = list(seen)[list(seen).index(stops[0]) + 1 :]
        assert {seen[name].state for name in after} <= {"left"}


def test_the_reason_is_named_and_goes_on_through_the_plan() -> None:
    first, second, third = (Object(state) for state in ("blocked", "wanted", "wanted"))
    steps = [
        Step("a", "A", "me", "here", first.check, first.change, independent=True),
        Step("b", "B", "me", "here", second.check, second.change, independent=True, needs=("a",)),
        Step("c", "C", "me", "here", third.check, third.change, independent=True, needs=("b",)),
    ]
    seen = Plan(steps, [first, second, third]).run()
    assert [one.state for one in seen.values()] == ["blocked"] * 3
    assert "a (A)" in seen["b"].detail
    assert "b (B)" in seen["c"].detail
    assert not second.changed
    assert not third.changed
