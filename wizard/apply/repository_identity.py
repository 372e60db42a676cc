"""The step that checks that this clone is of the repository that the installation belongs to.

`apply --undo` and `destroy` ask about every other repository. `apply` asks when something of the
installation exists already, which it would change as if it were its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.engine.probes import run_in_thread, wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import WizardError
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.state.apply_journal import REPOSITORY_PLACE
from wizard.systems.fork import REPOSITORY_IDENTITY, ask_fork, describe_new
from wizard.workspace.repository_identity import compare_remote

if TYPE_CHECKING:
    from wizard.systems.target import Target
    from wizard.workspace.repository_identity import RemoteComparison

_TITLE = "Check that the remote is the installation's repository"


def build_repository_proof(target: Target) -> Step:
    """Return the step for a removal: it asks about every remote that is not the source."""

    def look() -> StepStatus:
        found = _compare(target)
        return _ask(target, found, "") if found.is_fork else _accept(found)

    return _build_step(target, wrap_blocking(look), independent=True)


def build_repository_step(target: Target, list_removal: Callable[[], Sequence[Step]]) -> Step:
    """Return the step for `apply`; `list_removal` returns the steps that remove the installation.

    What they would remove is what `apply` would take for its own. Only a remote that is not the
    source is a reason to look for it.
    """

    async def look() -> StepStatus:
        found = await run_in_thread(lambda: _compare(target))
        if not found.is_fork:
            return _accept(found)
        steps = [one for one in list_removal() if one.change is not None]
        if not steps:
            return StepStatus(
                "holds", f"not looked at what exists: no login. {describe_new(found)}"
            )
        there = await _list_live(steps)
        if not (there.seen or there.unseen):
            return StepStatus("holds", f"nothing of it exists yet. {describe_new(found)}")
        return _ask(target, found, there.describe())

    return _build_step(target, look, independent=False)


def _build_step(
    target: Target, check: Callable[[], Awaitable[StepStatus]], *, independent: bool
) -> Step:
    place = str(target.repository.top)
    return Step(REPOSITORY_IDENTITY, _TITLE, "me", place, check, independent=independent)


def _compare(target: Target) -> RemoteComparison:
    return compare_remote(target.repository, target.answers, target.release)


def _accept(found: RemoteComparison) -> StepStatus:
    if not found.source:
        return StepStatus("holds", "there is no address to compare")
    if not found.remote:
        named = escape_unprintable(found.source)
        return StepStatus("holds", f"no remote names a host: not compared with {named}")
    return StepStatus("holds", f"the remote is {escape_unprintable(found.remote)}")


@dataclass(frozen=True, slots=True)
class _Existing:
    """What exists of the installation, and why something may not have been seen."""

    seen: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """Return it as further parts of a sentence."""
        parts = (("the installation has", self.seen), ("not seen", self.unseen))
        return "".join(
            f"; {what}: {format_first(list(dict.fromkeys(lines)))}"
            for what, lines in parts
            if lines
        )


async def _list_live(steps: Sequence[Step]) -> _Existing:
    """Return what the steps of a removal find, or cannot look at, in words for `apply`."""
    found = _Existing()
    for step in steps:
        try:
            look = await step.check()
        except WizardError as error:
            found.unseen.append(error.message)
            continue
        if look.state in {"wanted", "blocked"}:
            found.seen.extend(_name_objects(look.detail or step.id))
        elif look.state == "unknown":
            found.unseen.extend(_name_objects(look.detail or step.id))
    return found


def _name_objects(detail: str) -> list[str]:
    """Return the objects in the status of a removal, without what that does with them."""
    parts = (part.removesuffix(" exists") for part in detail.split("; "))
    return [part for part in parts if part != "not deleted"]


def _ask(target: Target, found: RemoteComparison, seen: str) -> StepStatus:
    look = ask_fork(found, target.agreed, target.known_identities, seen)
    if look.state == "holds":
        target.met_identities[REPOSITORY_PLACE] = found.remote
    return look
