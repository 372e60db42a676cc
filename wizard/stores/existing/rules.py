"""Rules over the answers about Secrets that others make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from wizard.chart.names import Names
from wizard.errors import Problem
from wizard.formats.nested import get_value
from wizard.questions.section import QuestionInfo
from wizard.stores.existing.contracts import CONTRACTS
from wizard.stores.existing.questions import EXISTING, NAME, ExistingSecrets


def check_distinct_keys(answers: BaseModel) -> Iterator[Problem]:
    """Report two values that would come from one key of one Secret."""
    if not EXISTING.holds(answers):
        return
    own = get_value(answers, ("secrets", NAME))
    names = Names(
        get_value(answers, ("installation", "release")),
        get_value(answers, ("installation", "namespace")),
    )
    seen: dict[tuple[str, str], str] = {}
    for contract in CONTRACTS:
        if not _applies(contract.question, answers):
            continue
        asked: Any = getattr(own, contract.question)
        secret = asked.name or own.secret or names.object_name(contract.suffix)
        for ours, question in contract.keys.items():
            where = f"secrets.{NAME}.{contract.question}.{question or 'name'}"
            other = seen.setdefault((secret, getattr(asked, question, ours)), where)
            if other != where:
                what = "key" if question else "Secret"
                yield Problem(where, f"use another {what}: {other} names the same key of {secret}")


def _applies(question: str, answers: BaseModel) -> bool:
    info = ExistingSecrets.model_fields[question]
    asked = next(one for one in info.metadata if isinstance(one, QuestionInfo))
    return asked.when.holds(answers)
