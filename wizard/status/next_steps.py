"""The next steps of an installation: what to do, who does it, by which command, and its state."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from wizard.deliveries.registry import delivery_kind
from wizard.errors import NO_FIX, Fix
from wizard.formats.terminal import format_first
from wizard.manifests.contribution import Phase, StepGroup, StepSpec

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.plan import Plan
    from wizard.plan.render import Rendering

State = Literal["done", "open", "unknown"]
SCHEMA = 1
_PHASES: tuple[Phase, ...] = get_args(Phase)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at one step found: its state, why, and what to do next."""

    state: State
    detail: str = ""
    fix: Fix = NO_FIX


NOT_LOOKED = Look("unknown", "not checked yet")


@dataclass(frozen=True, slots=True)
class Part:
    """One step outside Git, as a part of a next step."""

    id: str
    title: str
    look: Look


@dataclass(frozen=True, slots=True)
class NextStep:
    """What a person does next, by one command (empty: there is none), and its state.

    It is done when all its parts are, and open when one of them is.
    """

    id: str
    title: str
    owner: str
    command: str
    parts: tuple[Part, ...]

    @property
    def state(self) -> State:
        """The state of all parts together."""
        states = {part.look.state for part in self.parts}
        return "open" if "open" in states else "unknown" if "unknown" in states else "done"

    @property
    def _decisive(self) -> list[Look]:
        """The looks that give the step its state."""
        return [part.look for part in self.parts if part.look.state == self.state]

    @property
    def reason(self) -> str:
        """Why the step has this state, in one sentence."""
        details = list(dict.fromkeys(look.detail for look in self._decisive if look.detail))
        if self.state == "done":
            return details[-1] if details else ""
        return details[0] + (f"; and {len(details) - 1} more" if details[1:] else "")

    @property
    def fix(self) -> Fix:
        """What to do next, beside the command."""
        found = (look.fix for look in self._decisive if look.fix)
        return NO_FIX if self.state == "done" else next(found, NO_FIX)

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `status --json`; keys may be added, never removed."""
        return {
            "id": self.id,
            "title": self.title,
            "owner": self.owner,
            "command": self.command,
            "state": self.state,
            "reason": self.reason,
            **self.fix.to_json(),
            "steps": [
                {
                    "id": part.id,
                    "title": part.title,
                    "state": part.look.state,
                    "detail": part.look.detail,
                }
                for part in self.parts
            ],
        }


def list_next_steps(
    answers: Answers,
    rendering: Rendering,
    looks: Mapping[str, Look],
    complete: Callable[[str], str],
    needed: Collection[str] | None = None,
) -> tuple[NextStep, ...]:
    """Return the next steps of an installation in the order in which they are done.

    `looks` are by step; a step without one was not looked at. `complete` completes a command for
    this installation. `needed` are the ids of the steps to list (None: all).
    """
    kind = delivery_kind(rendering.release.delivery)
    own = kind.group(answers.delivery, rendering.release)
    specs = {spec.id: spec for spec in rendering.total.steps}
    found: dict[StepGroup, list[Part]] = {}
    for spec in specs.values():
        if needed is not None and spec.id not in needed:
            continue
        group = spec.group or own
        if kind.fills_store and group.phase == "values":
            group = own
        found.setdefault(group, []).append(Part(spec.id, spec.title, _prove(spec, specs, looks)))
    ordered = sorted(found, key=lambda group: _PHASES.index(group.phase))
    return tuple(
        NextStep(one.id, one.title, one.owner, complete(one.command), tuple(found[one]))
        for one in ordered
    )


def list_repository_steps(plan: Plan, complete: Callable[[str], str]) -> Iterator[NextStep]:
    """Yield what is to be done in the repository before anything else; nothing is the rule."""
    files = [one.path for one in plan.changes if one.is_shown]
    if plan.conflicts:
        reason = f"hand edits and answers differ: {format_first([c.path for c in plan.conflicts])}"
        yield _open("repository.conflicts", "Decide the conflicts", reason, "plan", complete)
    elif plan.differs:
        reason = f"the answers give other files: {format_first(files)}" if files else ""
        reason = reason or "the merge base differs"
        yield _open("repository.commit", "Commit the planned files", reason, "commit", complete)
    if plan.refused:
        errors = [str(one) for one in plan.findings if one.is_error]
        reason = format_first([*plan.missing_evidence, *errors])
        yield _open(
            "repository.checks", "Correct what the checks refuse", reason, "check", complete
        )


def _open(
    name: str, title: str, reason: str, command: str, complete: Callable[[str], str]
) -> NextStep:
    part = Part(name, title, Look("open", reason))
    return NextStep(name, title, "me", complete(f"airflow-wizard {command}"), (part,))


def _prove(spec: StepSpec, specs: Mapping[str, StepSpec], looks: Mapping[str, Look]) -> Look:
    """Return the look at a step; without one, what a later step shows about it."""
    look = looks.get(spec.id, NOT_LOOKED)
    proof = looks.get(spec.proven_by)
    if look.state == "unknown" and proof is not None and proof.state == "done":
        title = specs[spec.proven_by].title if spec.proven_by in specs else spec.proven_by
        return Look("done", f"shown by a later step: {title}")
    return look


def count_states(steps: Iterable[NextStep]) -> str:
    """Return the number of steps by state, such as `3 done, 2 open`; empty without steps."""
    states = [step.state for step in steps]
    counts = ((name, states.count(name)) for name in get_args(State))
    return ", ".join(f"{number} {name}" for name, number in counts if number)


def select_open(steps: Sequence[NextStep]) -> list[NextStep]:
    """Return the steps that are not done."""
    return [step for step in steps if step.state != "done"]
