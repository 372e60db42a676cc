"""What the wizard writes is never taken for a secret, however odd the names in the answers are."""

from __future__ import annotations

import pytest

from tests.support.rendered import filled, findings, rendering
from wizard.answers.files import validate_answers
from wizard.answers.questions import field_specs

# As random as a password, but a valid name of nearly everything.
ODD = "x9f3k7q2z8w4v6b1n5m0c3"
FORMS = (ODD, f"{ODD}.example.com", f"ssh://git@git.example.com/{ODD}/{ODD}.git")
CONTEXTS: list[tuple[str, dict[str, object]]] = [
    ("production", {}),
    ("gitops-vault", {}),
    ("production", {"delivery.kind": "helm"}),
    ("production", {"executor.kind": "LocalExecutor", "database.pgbouncer": {"mode": "off"}}),
]


@pytest.mark.parametrize(("preset", "changes"), CONTEXTS)
def test_odd_names_are_no_secrets(preset: str, changes: dict[str, object]) -> None:
    answers = dict(changes)
    for item in field_specs():
        for text in FORMS if item.kind == "text" else ():
            if not validate_answers(filled(preset, {**answers, item.key: text})).problems:
                answers[item.key] = text
                break
    assert len(answers) > 40
    found = findings(rendering(preset, answers))
    assert [str(one) for one in found if one.rule.startswith("secret.")] == []
