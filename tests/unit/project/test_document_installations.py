"""Each document's installation comes from a preset and at most a dozen answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.documents import INSTALLATIONS
from tests.support.rendered import dig, findings, rendering, values
from tests.tools.document_table import load_documents
from wizard.answers import presets


@pytest.mark.parametrize("document", INSTALLATIONS)
def test_a_preset_and_a_dozen_answers_give_the_installation(document: str) -> None:
    one = INSTALLATIONS[document]
    assert load_documents()[document]["preset"] == one.preset
    assert len(one.answers) <= 12
    made = rendering(one.preset, one.answers)
    assert [str(item) for item in findings(made) if item.is_error] == []
    assert differences(values(made), one.points) == {}


def differences(found: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Each point that is something else, with what it is."""
    return {key: dig(found, key) for key, value in wanted.items() if dig(found, key) != value}


def test_a_difference_is_found() -> None:
    assert differences({"a": {"b": 1}}, {"a.b": 2, "a.c": None}) == {"a.b": 1}


@pytest.mark.parametrize("name", presets.list_presets())
def test_a_preset_says_whom_it_is_for(name: str) -> None:
    assert presets.load_preset(name).description.startswith("For ")


def test_every_document_has_its_installation() -> None:
    assert set(INSTALLATIONS) == set(load_documents())
