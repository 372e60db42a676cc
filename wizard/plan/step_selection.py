"""The live steps that a change needs, among those of the whole installation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from wizard.chart.restarts import changed_values
from wizard.plan.consequences import Consequence, find_values, is_new_system

if TYPE_CHECKING:
    from wizard.git.changes import FileChange
    from wizard.plan.render import Rendering


class _Spec(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def follows(self) -> tuple[str, ...]: ...


S = TypeVar("S", bound=_Spec)


def select_steps(
    before: Rendering,
    after: Rendering,
    changes: Sequence[FileChange],
    consequences: Sequence[Consequence],
    steps: Sequence[S],
) -> tuple[S, ...]:
    """Return the steps that this change needs: new ones, and those whose input changes.

    A commit without an effect outside Git (a new runbook, say) needs no step; a new system needs
    all of them.
    """
    if is_new_system(consequences):
        return tuple(steps)
    known = {(step.id, step.title) for step in before.total.steps}
    parts = {one.logical for one in changes if one.is_shown}
    parts -= {"answers", "runbook"}
    values = find_values(before, changes)
    parts |= {f"values#{key}" for key in changed_values(values.old, values.new)}
    parts |= {f"consequence#{one.name}" for one in consequences}
    parts |= {f"fact#{key}" for key in _fact_keys(after) - _fact_keys(before)}
    parts |= {f"secret#{name}" for name in _list_composed_otherwise(before, after)}
    return tuple(
        step
        for step in steps
        if parts
        and (
            (step.id, step.title) not in known
            or any(part.startswith(start) for part in parts for start in step.follows)
        )
    )


def _list_composed_otherwise(before: Rendering, after: Rendering) -> set[str]:
    """Return the names of the Secrets that are new, or whose keys are composed otherwise."""
    known = {one.name: (one.keys, one.labels) for one in before.total.secrets}
    return {
        one.name for one in after.total.secrets if known.get(one.name) != (one.keys, one.labels)
    }


def _fact_keys(rendering: Rendering) -> set[str]:
    from wizard.secrets.payload import collect_facts

    total = rendering.total
    secrets = (*total.secrets, *(reader.secret for reader in total.readers))
    return {fact.key for fact in collect_facts(secrets)}
