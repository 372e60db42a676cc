"""Which question a remedy of `apply` leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from wizard.answers.question_links import question_in
from wizard.answers.questions import specs
from wizard.apply.progress import INTERRUPTED, applied
from wizard.apply.run import Run, led
from wizard.engine.actions import Event
from wizard.errors import ExitCode
from wizard.systems.cluster import diagnosis
from wizard.systems.cluster.diagnosis import Rule

ALL = (
    *diagnosis.REFUSALS, *diagnosis.STORE, *diagnosis.PAYLOAD, *diagnosis.APPLICATION,
    *diagnosis.GIT,
)  # fmt: skip


@pytest.mark.parametrize(
    ("table", "message", "key"),
    [
        (diagnosis.STORE, "x509: certificate signed by unknown authority", "secrets.vault.ca.file"),
        (diagnosis.STORE, "invalid audience (aud) claim", "secrets.vault.audience"),
        (diagnosis.STORE, "dial tcp: lookup vault: no such host", "secrets.vault.server"),
        (diagnosis.STORE, "no handler for route", "secrets.vault.mount"),
        (diagnosis.PAYLOAD, "Secret does not exist", "secrets.vault.path"),
        (diagnosis.REFUSALS, "violates PodSecurity restricted", "environment.pod_security"),
        (diagnosis.REFUSALS, "exceeded quota: team", "executor.workers.resources.cpu"),
        (diagnosis.APPLICATION, "couldn't find remote ref", "delivery.argocd.revision"),
        (diagnosis.APPLICATION, "there are 0 clusters", "delivery.argocd.destination"),
        (diagnosis.GIT, "host key verification failed", "dags.host_keys"),
        (diagnosis.GIT, "Permission denied (publickey)", "dags.key"),
        (diagnosis.STORE, "Vault is sealed", ""),
    ],
)
def test_a_diagnosis_leads_to_its_question(table: Sequence[Rule], message: str, key: str) -> None:
    found = diagnosis.diagnose([message], table)
    assert found is not None
    assert question_in(found.fix) == key


def test_whatever_is_led_to_is_asked() -> None:
    asked = {item.key for item in specs() if item.model.asked} | {""}
    assert {question_in(rule.fix) for rule in ALL} <= asked
    assert question_in("if this one is meant: airflow-wizard set cluster.uid=7") == ""


def test_only_our_words_lead_anywhere() -> None:
    event = Event("a", "A", "me", "failed", "the server says: change database.host", "ask them")
    assert led(event) == event
    known = replace(event, fix="see dags.ref", question="database.host")
    assert led(known).question == "database.host"
    assert led(replace(known, question="")).question == "dags.ref"


def test_what_is_told_after_the_screens() -> None:
    target: Any = SimpleNamespace(ends=[])
    run = Run(target, ())
    run.told = [
        Event("a", "A", "me", "waiting", "not yet", "wait"),
        Event("a", "A", "me", "holds", "it is there"),
        Event("b", "B", "me", "unknown", "may not be read", "ask Ada"),
        Event("c", "C", "me", "failed", "no", "do this"),
        Event("d", "D", "me", "left"),
    ]
    run.notes = ["note: a note"]
    told = applied(run)
    assert told.outcome == ExitCode.PARTIAL
    assert told.lines == (
        "unknown       B: may not be read", "    next: ask Ada",
        "failed        C: no", "    next: do this",
        "note: a note", "1 holds, 1 unknown, 1 failed, 1 left",
    )  # fmt: skip
    stopped = applied(run, interrupted=True)
    assert stopped.outcome == ExitCode.INTERRUPTED
    assert stopped.lines[-1] == INTERRUPTED
