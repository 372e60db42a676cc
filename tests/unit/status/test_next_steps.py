"""The list of next steps: its order, its commands, and the state of several steps together."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.support.rendered import answers, rendering
from wizard.answers import presets
from wizard.status.next_steps import Look, NextStep, list_next_steps

CASES: dict[str, dict[str, object]] = {
    **{name: {} for name in presets.list_presets()},
    "production helm": {"delivery.kind": "helm"},
    "production azure": {"secrets.store": "azure"},
    "production aws": {"secrets.store": "aws"},
    "production own credential": {"delivery.argocd.credential": "store"},
    "local minikube": {"delivery.kind": "minikube"},
}
WIZARD = ("airflow-wizard ", "git push", "bash ", "less ")


def listed(
    case: str, looks: Mapping[str, Look] | None = None, **more: object
) -> tuple[NextStep, ...]:
    preset, changes = case.partition(" ")[0], {**CASES.get(case, {}), **more}
    found = rendering(preset, changes)
    return list_next_steps(answers(preset, changes), found, looks or {}, lambda command: command)


def find(steps: tuple[NextStep, ...], name: str) -> NextStep:
    return next(step for step in steps if step.id == name)


@pytest.mark.parametrize("case", CASES)
def test_every_step_of_the_plan_is_a_part_of_exactly_one_next_step(case: str) -> None:
    steps = listed(case)
    parts = [part.id for step in steps for part in step.parts]
    assert sorted(parts) == sorted({spec.id for spec in rendering(
        case.partition(" ")[0], CASES[case]).total.steps})  # fmt: skip
    assert len({step.id for step in steps}) == len(steps)
    for step in steps:
        assert step.command.startswith(WIZARD) or not step.command, step


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_claimed_about_what_was_not_looked_at(case: str) -> None:
    assert {step.state for step in listed(case)} == {"unknown"}


def test_the_order_is_that_of_a_first_installation() -> None:
    assert [step.id for step in listed("production")] == [
        "vault.fill",
        "dags.register-key",
        "git.push",
        "vault.set-up",
        "argocd.install",
        "secrets.exist",
        "argocd.synced",
        "airflow.healthy",
    ]


def test_on_a_laptop_one_command_does_everything() -> None:
    (step,) = listed("local")
    assert step.command == "bash apps/airflow/up.sh"
    assert [part.id for part in step.parts] == ["kubernetes.secrets", "kind.install"]
    (step,) = listed("local minikube")
    assert step.command == "less docs/airflow/RUNBOOK.md"


def test_the_owner_of_azure_gets_scripts() -> None:
    steps = listed("production azure")
    assert find(steps, "azure.identity").command == "airflow-wizard handover --owner platform"
    assert find(steps, "azure.access").owner == "vault"


def test_one_open_part_opens_the_step_and_says_why() -> None:
    looks = {
        "vault.mount": Look("done", "secret is KV version 2"),
        "vault.policy": Look("open", "policy p does not exist yet"),
        "vault.auth": Look("unknown", "no rights"),
        "vault.role": Look("open", "role r does not exist yet"),
    }
    step = find(listed("production", looks), "vault.set-up")
    assert (step.state, step.reason) == ("open", "policy p does not exist yet; and 1 more")
    done = {name: Look("done", f"{name} is there") for name in looks}
    step = find(listed("production", done), "vault.set-up")
    assert (step.state, step.reason) == ("done", "vault.role is there")
    step = find(listed("production", {**done, "vault.role": looks["vault.auth"]}), "vault.set-up")
    assert (step.state, step.reason) == ("unknown", "no rights")


def test_a_later_step_shows_what_cannot_be_looked_at() -> None:
    looks = {"verify.git-sync": Look("done", "every pod has cloned")}
    step = find(listed("production", looks), "dags.register-key")
    assert step.state == "done"
    assert "Wait until the DAGs are cloned" in step.reason
    # It shows nothing against what was seen.
    looks["dags.register-key"] = Look("open", "the host does not know the key")
    assert find(listed("production", looks), "dags.register-key").state == "open"
    # And an open later step shows nothing.
    looks = {"verify.git-sync": Look("open", "a pod cannot clone")}
    assert find(listed("production", looks), "dags.register-key").state == "unknown"


def test_a_change_lists_only_what_it_needs() -> None:
    found = rendering("production")
    steps = list_next_steps(
        answers("production"), found, {}, str, needed={"git.branch", "verify.airflow"}
    )
    assert [step.id for step in steps] == ["git.push", "airflow.healthy"]
    assert [part.id for step in steps for part in step.parts] == ["git.branch", "verify.airflow"]
