"""A question is asked only if its answer changes a file, with the answers that it depends on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.rendered import answers, assets
from tests.support.scenarios import SCENARIOS
from wizard.answers.files import answers_data, validate_answers
from wizard.answers.model import Answers
from wizard.answers.questions import FieldSpec, field_specs
from wizard.errors import AnswersError
from wizard.formats.nested import get_value, put_value
from wizard.plan.render import render

# Installations with few of the switches on that other questions need.
CONTEXTS: list[tuple[str, dict[str, object]]] = [
    ("local", {}),
    (
        "gitops-vault",
        {"logs.kind": "remote", "logs.url": "s3://example-logs", "delivery.kind": "helm"},
    ),
]
# What changes no file, and what it changes instead.
OUTSIDE = {
    "access.from_namespace": "admitted by network policies, which are asked on a later page",
    "cluster.server": "apply and check --live refuse another cluster",
    "cluster.uid": "apply and check --live refuse another cluster",
    "logs.endpoint": "with S3, the question on a private CA follows from it",
    "repository.branch": "commit and apply follow it",
    "repository.paths.argocd": "Argo CD's objects, or those that guard a store, with either",
    "repository.push": "commit pushes",
    "repository.source": "the owner's mark, from the address that Argo CD reads without it",
}


def render_files(found: Answers) -> dict[str, str]:
    tree = render(found, assets(found)).tree
    return {one.path: one.text for one in tree.values() if one.logical != "answers"}


def list_other_answers(item: FieldSpec, now: object) -> Iterator[Any]:
    """Other answers to a question: those of the scenarios first, which are sensible."""
    for scenario in SCENARIOS.values():
        if item.key in scenario.answers:
            yield scenario.answers[item.key]
    if item.kind == "bool":
        yield not now
    elif item.kind == "choice":
        yield from item.choices
    elif item.kind == "int":
        yield int(str(now)) + 1
    elif item.kind == "text":
        yield "word"


def is_silent(whole: Answers, files: dict[str, str], item: FieldSpec) -> bool:
    """Whether no possible other answer changes a file; false if there is no possible one."""
    now, tried, data = get_value(whole, item.path), False, answers_data(whole)
    for other in list_other_answers(item, now):
        found = validate_answers(put_value(data, item.path, other))
        if other == now or found.answers is None or found.problems:
            continue
        try:
            changed = render_files(found.answers)
        except AnswersError:
            continue
        if changed != files:
            return False
        tried = True
    return tried


def test_an_answer_that_changes_no_file_is_not_asked() -> None:
    # A reference says where a value is read, and no file has it.
    todo = [one for one in field_specs() if one.kind != "secret" and one.key not in OUTSIDE]
    for context in CONTEXTS:
        whole = answers(*context)
        files = render_files(whole)
        asked = [item for item in todo if item.applies(whole)]
        assert [item.key for item in asked if is_silent(whole, files, item)] == []
        # Each takes a moment, so the next context tries what is left.
        todo = [item for item in todo if item not in asked]
