"""Each document's installation comes from a preset and at most a dozen answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.support.documents import INSTALLATIONS
from tests.support.rendered import dig, findings, rendering, values
from tests.tools.document_table import load_documents
from wizard.answers import presets


@pytest.mark.parametrize("document", INSTALLATIONS)
def test_a_preset_and_a_dozen_answers_give_the_installation(document: str) -> None:
    one = INSTALLATIONS[document]
    if document in load_documents():
        assert load_documents()[document]["preset"] == one.preset
    assert len(one.answers) <= 12
    made = rendering(one.preset, one.answers)
    assert [str(item) for item in findings(made) if item.is_error] == []
    assert differences(values(made), one.points) == {}
    texts = {file.path: file.text for file in made.tree.values()}
    for path, points in one.objects.items():
        assert differences(yaml.safe_load(texts[path]), points) == {}, path
    for path, parts in one.texts.items():
        assert [part for part in parts if part not in texts[path]] == [], path


def differences(found: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Each point that is something else, with what it is; of a mapping only what is named."""
    return {key: dig(found, key) for key, value in wanted.items() if not holds(found, key, value)}


def holds(found: Any, key: str, wanted: Any) -> bool:
    there = dig(found, key)
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        return {name: there.get(name) for name in wanted} == wanted
    return bool(there == wanted)


def test_a_difference_is_found() -> None:
    assert differences({"a": {"b": 1}}, {"a.b": 2, "a.c": None}) == {"a.b": 1}
    assert differences({"a": [{"b": {"c": 1, "d": 2}}]}, {"a.0.b": {"c": 1}}) == {}
    assert differences({"a": [{"b": {"c": 1}}]}, {"a.0.b": {"d": 1}, "a.1": 2}) == {
        "a.0.b": {"c": 1}, "a.1": None,
    }  # fmt: skip


@pytest.mark.parametrize("name", presets.list_presets())
def test_a_preset_says_whom_it_is_for(name: str) -> None:
    assert presets.load_preset(name).description.startswith("For ")


def test_every_document_has_its_installation() -> None:
    assert {one.partition(" ")[0] for one in INSTALLATIONS} == set(load_documents())
