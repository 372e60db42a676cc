"""A fork has the original's answers, so it would take everything of the original for its own."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cluster.argocd import told
from tests.support.rendered import answers, rendering
from tests.support.repository import GitFolder
from wizard.apply.repository_identity import build_repository_proof, build_repository_step
from wizard.destroy.steps import build_undo_steps
from wizard.engine.steps import Step, StepEvent, StepStatus
from wizard.errors import WizardError
from wizard.systems.fork import REPOSITORY_IDENTITY
from wizard.systems.target import Target

OURS = "ssh://git@git.example.com/acme/k8s-infra.git"


def target(folder: Path, remote: str, changes: dict[str, object]) -> Target:
    """An installation as this clone's answers describe it."""
    here = GitFolder.init(folder / "clone")
    if remote:
        here.git("remote", "add", "origin", remote)
    made = rendering("production", changes)
    files = {file.logical: file.data for file in made.tree.values() if file.logical}
    return Target(answers("production", changes), made.release, here.repo, "", files)


def judged(found: Target) -> StepEvent:
    return told([build_repository_proof(found)])[REPOSITORY_IDENTITY]


@pytest.mark.parametrize("delivery", ["argocd", "helm"])
def test_a_fork_needs_a_yes_to_its_remote(tmp_path: Path, delivery: str) -> None:
    changes: dict[str, object] = (
        {"delivery.argocd.repo_url": OURS}
        if delivery == "argocd"
        else {"delivery.kind": "helm", "repository.source": "git.example.com/acme/k8s-infra"}
    )
    fork = target(tmp_path, "https://git.example.com/bob/k8s-infra.git", changes)
    done = judged(fork)
    assert done.state == "blocked", done
    assert "git.example.com/bob/k8s-infra" in done.detail
    assert "belongs to git.example.com/acme/k8s-infra" in done.detail
    steps = build_undo_steps(fork)
    changing = [one for one in steps if one.change is not None]
    assert changing
    assert all(REPOSITORY_IDENTITY in one.needs for one in changing)
    seal = re.search(rf"--take-over {REPOSITORY_IDENTITY}@([0-9a-f]{{12}})", done.fix.text)
    assert seal
    assert judged(replace(fork, agreed={REPOSITORY_IDENTITY: seal[1]})).state == "holds"
    # Other spellings of the same repository.
    for number, same in enumerate(
        ("git@git.example.com:acme/k8s-infra.git", "https://git.example.com/acme/k8s-infra")
    ):
        assert judged(target(tmp_path / str(number), same, changes)).state == "holds"


@pytest.mark.parametrize(
    "remote",
    [
        "http://git.example.com:8080/bob/k8s-infra",
        "git://git.example.com/bob/k8s-infra.git",
        "git.example.com:bob/k8s-infra.git",
        "ssh://git.example.com/bob/k8s-infra",
        "ssh://git@git.example.com/bob/k8s-infra",
        "ftp://git.example.com/bob/k8s-infra",
    ],
)
def test_every_form_of_an_address_is_compared(tmp_path: Path, remote: str) -> None:
    changes: dict[str, object] = {
        "delivery.kind": "helm", "repository.source": "git.example.com/acme/k8s-infra"
    }  # fmt: skip
    fork = target(tmp_path, remote, changes)
    assert judged(fork).state == "blocked"
    assert "git.example.com/bob/k8s-infra" in judged(fork).detail
    # The original, in the same form.
    git = GitFolder(tmp_path / "clone")
    git.git("remote", "set-url", "origin", remote.replace("bob", "acme"))
    assert judged(fork).state == "holds"
    # Nobody can push; what is fetched still tells the fork.
    git.git("remote", "set-url", "--push", "origin", "DISABLED")
    assert judged(fork).state == "holds"
    git.git("remote", "set-url", "origin", remote)
    assert judged(fork).state == "blocked"


@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("ssh://git@ssh.github.com:443/acme/k8s-infra.git", "github.com/acme/k8s-infra"),
        ("git@github.com:acme/k8s-infra.git", "ssh.github.com/acme/k8s-infra"),
        ("https://git.example.com/My%20Project/infra", "git.example.com/my-20project/infra"),
        ("gh:acme/k8s-infra.git", "gh/acme/k8s-infra"),
    ],
)
def test_other_spellings_raise_no_question(tmp_path: Path, remote: str, source: str) -> None:
    changes: dict[str, object] = {"delivery.kind": "helm", "repository.source": source}
    assert judged(target(tmp_path, remote, changes)).state == "holds"


@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("", "git.example.com/acme/k8s-infra"),
        ("/srv/git/k8s-infra.git", "git.example.com/acme/k8s-infra"),
        (OURS, "new/0123456789abcdef0123"),
        (OURS, "commit/0123456789abcdef0123"),
    ],
)
def test_without_two_addresses_there_is_nothing_to_compare(
    tmp_path: Path, remote: str, source: str
) -> None:
    changes: dict[str, object] = {"delivery.kind": "helm", "repository.source": source}
    done = judged(target(tmp_path, remote, changes))
    assert done.state == "holds"
    assert remote == OURS or f"not compared with {source}" in done.detail


def test_what_apply_says_of_what_exists(tmp_path: Path) -> None:
    changes: dict[str, object] = {
        "delivery.kind": "helm", "repository.source": "git.example.com/acme/k8s-infra"
    }  # fmt: skip
    fork = target(tmp_path, "https://git.example.com/bob/k8s-infra.git", changes)

    def step(status: StepStatus | WizardError, *, changes: bool = True) -> Step:
        async def check() -> StepStatus:
            if isinstance(status, WizardError):
                raise status
            return status

        async def change() -> str:
            raise AssertionError("it is only looked at")

        return Step("one", "Delete it", "me", "here", check, change if changes else None)

    def said(*steps: Step) -> StepEvent:
        return told([build_repository_step(fork, lambda: steps)])[REPOSITORY_IDENTITY]

    for unlooked in (said(), said(step(StepStatus("wanted", "A a exists"), changes=False))):
        assert unlooked.state == "holds"
        assert "not looked at what exists: no login" in unlooked.detail
    assert "nothing of it exists yet" in said(step(StepStatus("holds"))).detail
    there = StepStatus("blocked", "A a exists; B b is used by c; not deleted")
    asked = said(step(there), step(WizardError("vault: sealed", "unseal it")))
    assert asked.state == "blocked"
    assert (
        "; the installation has: A a, B b is used by c; not seen: vault: sealed, so" in asked.detail
    )
    assert f"--take-over {REPOSITORY_IDENTITY}@" in asked.fix.text
