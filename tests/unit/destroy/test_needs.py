"""In every real plan, nothing goes before what uses it: a blocked step holds back what it needs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.rendered import answers, rendering
from wizard.destroy.steps import build_destroy_steps, build_undo_steps
from wizard.engine.steps import Step, StepEvent, StepStatus, run_steps
from wizard.systems.target import Target

CASES: dict[str, tuple[str, dict[str, object]]] = {
    "argocd": ("production", {}),
    "argocd, credential from the store": ("production", {"delivery.argocd.credential": "store"}),
    "argocd, cluster store": ("gitops-vault", {}),
    "helm": ("production", {"delivery.kind": "helm"}),
}
_REMOVALS = {
    "destroy.pause", "destroy.external-secrets", "destroy.application", "destroy.objects",
    "remove.release", "remove.secrets", "remove.store", "remove.vault-role",
}  # fmt: skip
# What uses what: while the step on the left is blocked, none on the right may change anything.
USES = {
    "remove.credential": {
        "remove.vault-argocd-role", "remove.vault-argocd-policy", "destroy.argocd-payload",
    },
    "remove.vault-argocd-role": {"remove.vault-argocd-policy", "destroy.argocd-payload"},
    "remove.vault-role": {"remove.vault-policy", "destroy.payload"},
    "remove.vault-policy": {"destroy.payload"},
    "destroy.payload": {"remove.vault-mount"},
    "destroy.argocd-payload": {"remove.vault-mount"},
    "remove.store": {"remove.vault-role", "remove.vault-policy", "destroy.payload"},
    "destroy.external-secrets": {"remove.vault-role", "destroy.payload", "destroy.files"},
    "destroy.objects": {"remove.vault-role", "destroy.payload", "destroy.files"},
    "remove.rivals": _REMOVALS,
    "remove.dependents": _REMOVALS,
    "destroy.store": {"destroy.pause", "destroy.application", "destroy.objects"},
}  # fmt: skip


def target(case: str) -> tuple[Target, Any]:
    preset, changes = CASES[case]
    made, given = rendering(preset, changes), answers(preset, changes)
    files = {file.logical: file.data for file in made.tree.values() if file.logical}
    found = Target(given, made.release, SimpleNamespace(top="/repo"), "", files)  # type: ignore[arg-type]
    return found, SimpleNamespace(proposal=SimpleNamespace(answers=given, rendering=made))


class Files:
    """The last step, without a repository."""

    terminal = False

    def build_step(self, require_gone: object) -> Step:
        del require_gone

        async def check() -> StepStatus:
            return StepStatus("wanted")

        return Step("destroy.files", "", "me", "", check, is_final=True)


def plans() -> Iterator[Any]:
    for case in CASES:
        yield pytest.param(case, "undo", (), id=f"{case}, undo")
        for count in range(4):
            for pieces in itertools.combinations(("payload", "volumes", "namespace"), count):
                name = f"{case}, destroy {' '.join(pieces)}"
                yield pytest.param(case, "destroy", pieces, id=name)


def build(case: str, command: str, pieces: Any) -> tuple[Step, ...]:
    found, committed = target(case)
    if command == "undo":
        return build_undo_steps(found)
    return build_destroy_steps(found, committed, pieces, Files())  # type: ignore[arg-type]


@dataclass
class Pretended:
    """The steps of a plan, where all but one have something to do."""

    state: str
    changed: list[str] = field(default_factory=list)

    def run(self, steps: tuple[Step, ...], chosen: str) -> dict[str, StepEvent]:
        async def collect() -> list[StepEvent]:
            made = [self.step(one, self.state if one.id == chosen else "wanted") for one in steps]
            return [one async for one in run_steps(made) if one.has_ended]

        return {one.id: one for one in asyncio.run(collect())}

    def step(self, step: Step, state: str) -> Step:
        if state == "wanted" and step.title.startswith(("Keep", "Check", "Leave")):
            state = "kept"

        async def check() -> StepStatus:
            return StepStatus("holds" if step.id in self.changed else state)  # type: ignore[arg-type]

        async def change() -> str:
            self.changed.append(step.id)
            return ""

        return replace(step, check=check, change=change, wait_seconds=0.0)


@pytest.mark.parametrize(("case", "command", "pieces"), list(plans()))
def test_what_is_used_stays_while_its_user_does(case: str, command: str, pieces: Any) -> None:
    steps = build(case, command, pieces)
    ids = [step.id for step in steps]
    assert len(set(ids)) == len(ids)
    for step in steps:
        later = ids[ids.index(step.id) :]
        assert not set(step.needs) & set(later), f"{step.id} needs what comes after it"
    for user, used in USES.items():
        if user not in ids:
            continue
        for state in ("blocked", "unknown"):
            pretended = Pretended(state)
            pretended.run(steps, user)
            held = used if state == "blocked" else used & set(_needing(steps, user))
            assert not held & set(pretended.changed), (user, state)


@pytest.mark.parametrize(("case", "command", "pieces"), list(plans()))
def test_nothing_is_changed_where_an_identity_is_not_proven(
    case: str, command: str, pieces: Any
) -> None:
    steps = build(case, command, pieces)
    newest = ("repository.newest",) if command == "destroy" else ()
    proofs = ("cluster.identity", "repository.identity", *newest)
    for proof, state in itertools.product(proofs, ("blocked", "unknown")):
        pretended = Pretended(state)
        pretended.run(steps, proof)
        unproven = set(pretended.changed) - {"destroy.files", *proofs}
        assert unproven == set()
        assert state == "unknown" or "destroy.files" not in pretended.changed


def _needing(steps: tuple[Step, ...], user: str) -> set[str]:
    """The steps that name it, directly or over others."""
    found = {user}
    for step in steps:
        if found & set(step.needs):
            found.add(step.id)
    return found - {user}


def test_the_table_is_about_steps_that_exist() -> None:
    ids = {
        step.id
        for case, command, pieces in (one.values for one in plans())
        for step in build(case, command, pieces)
    }
    assert set(USES) <= ids
    assert set().union(*USES.values()) <= ids
