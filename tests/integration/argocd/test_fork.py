"""`apply` from a fork: it has the original's source, and so everything there would be its own."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.support.cluster.argocd import GITHUB, World, told
from wizard.apply.steps import build_steps
from wizard.engine.steps import Step
from wizard.systems.fork import REPOSITORY_IDENTITY
from wizard.systems.target import Target

FORK = "https://github.com/bob/k8s-infra.git"


def actions(target: Target) -> list[Step]:
    """The steps of `apply` without those that wait for others, or ask this remote."""
    return [
        one
        for one in build_steps(target)
        if not (one.wait_seconds and one.change is None) and one.id != "repository.newest"
    ]


def test_a_fork_asks_before_it_changes_what_the_original_made(world: World) -> None:
    world.install_argo()
    world.git.git("remote", "add", "origin", FORK)
    # Nothing exists yet: it is said, and nothing is asked.
    first = told(actions(world.target()))
    assert first[REPOSITORY_IDENTITY].state == "holds", first
    detail = first[REPOSITORY_IDENTITY].detail
    assert "nothing of it exists yet" in detail
    assert "airflow-wizard set repository.source=github.com/bob/k8s-infra" in detail
    assert first["argocd.application"].state == "changed"

    # Now there is something that the original may have made. A change is not made.
    world.lines.clear()
    changed = {"delivery.argocd.project": "other"}
    found = told(actions(world.target(**changed)))
    asked = found.pop(REPOSITORY_IDENTITY)
    assert asked.state == "blocked", asked
    detail = asked.detail
    why = "belongs to github.com/acme/k8s-infra, and this may be a fork; the installation has: "
    assert f"{why}Application {world.argo}/airflow" in detail
    assert ("exists" in detail, "not deleted" in detail) == (False, False)
    assert "set repository.source=github.com/bob/k8s-infra" in asked.fix.text
    assert found.pop("cluster.identity").state == "holds"
    assert {one.state for one in found.values()} == {"left"}
    assert world.writes == []

    # A yes is for this remote only, and is remembered on this machine.
    seal = re.search(rf"--take-over {REPOSITORY_IDENTITY}@([0-9a-f]{{12}})$", asked.fix.text)
    assert seal
    agreed = replace(world.target(), agreed={REPOSITORY_IDENTITY: seal[1]})
    assert told(actions(agreed)[:2])[REPOSITORY_IDENTITY].state == "holds"
    again = replace(world.target(), known_identities=agreed.met_identities)
    assert told(actions(again)[:2])[REPOSITORY_IDENTITY].state == "holds"
    world.git.git("remote", "set-url", "origin", FORK.replace("bob", "eve"))
    for one in (again, replace(world.target(), agreed=agreed.agreed)):
        assert told(actions(one)[:2])[REPOSITORY_IDENTITY].state == "blocked"

    # The original does not ask.
    world.git.git("remote", "set-url", "origin", GITHUB)
    assert told(actions(world.target())[:2])[REPOSITORY_IDENTITY].state == "holds"
