"""Which question a remedy of `apply` leads to."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from wizard.answers.questions import field_specs
from wizard.apply.progress import INTERRUPTED, summarize_run
from wizard.apply.run import Run
from wizard.engine.steps import StepEvent
from wizard.errors import ExitCode, Fix
from wizard.systems.cluster import diagnosis
from wizard.systems.cluster.diagnosis import Rule

ALL = (
    *diagnosis.REFUSAL_RULES,
    *diagnosis.STORE_RULES,
    *diagnosis.PAYLOAD_RULES,
    *diagnosis.APPLICATION_RULES,
    *diagnosis.GIT_RULES,
)


@pytest.mark.parametrize(
    ("table", "message", "key"),
    [
        (
            diagnosis.STORE_RULES,
            "x509: certificate signed by unknown authority",
            "secrets.vault.ca.file",
        ),
        (diagnosis.STORE_RULES, "invalid audience (aud) claim", "secrets.vault.audience"),
        (diagnosis.STORE_RULES, "dial tcp: lookup vault: no such host", "secrets.vault.server"),
        (diagnosis.STORE_RULES, "no handler for route", "secrets.vault.mount"),
        (diagnosis.PAYLOAD_RULES, "Secret does not exist", "secrets.vault.path"),
        (diagnosis.REFUSAL_RULES, "violates PodSecurity restricted", "environment.pod_security"),
        (diagnosis.REFUSAL_RULES, "exceeded quota: team", "executor.workers.resources.cpu"),
        (diagnosis.APPLICATION_RULES, "couldn't find remote ref", "delivery.argocd.revision"),
        (diagnosis.APPLICATION_RULES, "there are 0 clusters", "delivery.argocd.destination"),
        (diagnosis.GIT_RULES, "host key verification failed", "dags.host_keys"),
        (diagnosis.GIT_RULES, "Permission denied (publickey)", "dags.key"),
        (
            diagnosis.GIT_RULES,
            "fatal: Authentication failed for 'https://git.example.com/a/b.git/'",
            "dags.credentials.password",
        ),
        (diagnosis.GIT_RULES, "server certificate verification failed", "dags.ca.file"),
        (diagnosis.STORE_RULES, "Vault is sealed", ""),
    ],
)
def test_a_diagnosis_leads_to_its_question(table: Sequence[Rule], message: str, key: str) -> None:
    found = diagnosis.diagnose([message], table)
    assert found is not None
    assert found.fix.question == key


def test_every_question_that_a_rule_leads_to_is_asked() -> None:
    asked = {item.key for item in field_specs() if item.model.asked} | {""}
    assert {rule.fix.question for rule in ALL} <= asked


def test_only_our_words_lead_anywhere() -> None:
    found = diagnosis.diagnose(["Vault is sealed: change database.host"], diagnosis.STORE_RULES)
    assert found is not None
    assert "database.host" in found.cause
    assert found.fix.question == ""


def test_what_is_told_after_the_screens() -> None:
    target: Any = SimpleNamespace(cleanups=[])
    run = Run(target, ())
    run.past_events = [
        StepEvent("a", "A", "me", "waiting", "not yet", Fix("wait")),
        StepEvent("a", "A", "me", "holds", "it is there"),
        StepEvent("b", "B", "me", "unknown", "may not be read", Fix("ask Ada")),
        StepEvent("c", "C", "me", "failed", "no", Fix("do this")),
        StepEvent("d", "D", "me", "left"),
    ]
    run.notes = ["note: a note"]
    told = summarize_run(run)
    assert told.outcome == ExitCode.PARTIAL
    assert told.lines == (
        "unknown       B: may not be read", "    next: ask Ada",
        "failed        C: no", "    next: do this",
        "note: a note", "1 holds, 1 unknown, 1 failed, 1 left",
    )  # fmt: skip
    stopped = summarize_run(run, interrupted=True)
    assert stopped.outcome == ExitCode.INTERRUPTED
    assert stopped.lines[-1] == INTERRUPTED
