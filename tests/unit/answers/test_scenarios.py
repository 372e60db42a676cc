"""The scenarios answer every question with something else than its default."""

from __future__ import annotations

import pytest

from tests.support.scenarios import SCENARIOS, WITHOUT_OTHER
from wizard.answers.files import answers_data, dump_value, validate_answers
from wizard.answers.questions import field_specs
from wizard.deliveries.registry import DELIVERIES
from wizard.formats.nested import get_value
from wizard.stores.registry import STORES


def test_every_question_is_answered_differently_somewhere() -> None:
    answered = {
        item.key
        for scenario in SCENARIOS.values()
        for item in field_specs()
        if scenario.answers.get(item.key, dump_value(item.default)) != dump_value(item.default)
    }

    missing = {item.key for item in field_specs()} - answered - WITHOUT_OTHER - {"dags.source"}
    assert not missing, "give these questions a value in tests/scenarios.py"


def test_every_store_and_every_delivery_is_somewhere() -> None:
    chosen = [validate_answers(one.data).answers for one in SCENARIOS.values()]
    assert {one.secrets.store for one in chosen if one} == set(STORES)
    assert {one.delivery.kind for one in chosen if one} == set(DELIVERIES)


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_scenario_is_valid_and_ignores_nothing(name: str) -> None:
    found = validate_answers(SCENARIOS[name].data)

    assert [str(problem) for problem in found.problems] == []
    assert found.answers is not None
    for item in field_specs():
        if item.key in SCENARIOS[name].answers:
            assert item.applies(found.answers), item.key
    assert list(found.warnings) == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_saved_answers_hold_every_applicable_value_and_nothing_else(name: str) -> None:
    answers = validate_answers(SCENARIOS[name].data).answers
    assert answers is not None
    missing = object()

    data = answers_data(answers)

    for item in field_specs():
        saved = get_value(data, item.path, missing)
        if item.applies(answers):
            assert saved == dump_value(get_value(answers, item.path)), item.key
        else:
            assert saved is missing, item.key
    assert set(data) <= {"schema", "values", *(item.section for item in field_specs())}
