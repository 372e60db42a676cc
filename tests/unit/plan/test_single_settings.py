"""A change of one answer touches what the reviewed tables list, and nothing else."""

from __future__ import annotations

import pytest

from tests.conftest import Compare
from tests.support.paths import TOP
from tests.support.single_settings import describe_settings
from wizard.answers.questions import field_specs

SECTIONS = sorted({item.key.partition(".")[0] for item in field_specs()})


@pytest.mark.parametrize("section", SECTIONS)
def test_one_setting_touches_what_the_table_lists(section: str, golden: Compare) -> None:
    table = describe_settings(section)
    golden(f"settings/{section}.txt", table)
    assert "keys moved" not in table


def test_no_other_table_is_stored() -> None:
    stored = {path.stem for path in (TOP / "tests/golden/settings").iterdir()}
    assert stored == {*SECTIONS}
