"""Ranges of versions, by the examples of Masterminds/semver and Helm's documentation."""

import pytest

from wizard.formats.version_ranges import is_in_range, parse_version


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1.22.0", "1.22.0", "1.22.1"),
        ("1.22", "1.22.9", "1.21.0"),
        ("v1.22.x", "1.22.9", "1.23.0"),
        ("*", "1.0.0", ""),
        ("~1.20.1", "1.20.4", "1.20.0 1.21.0"),
        ("~1", "1.20.4", "2.0.0"),
        ("^1.20.0", "1.22.0", "1.19.0 2.0.0"),
        ("^0.2.3", "0.2.9", "0.3.0"),
        (">=1.19.0 <1.21", "1.20.9", "1.21.0 1.18.0"),
        (">= 1.19, != 1.20.0", "1.21.0", "1.20.0"),
        ("1.19 - 1.20", "1.20.5", "1.21.0 1.18.9"),
        (">1.20", "1.21.0", "1.20.5"),
        ("1.19.0 || 1.22.0", "1.22.0", "1.20.0"),
        (">=1.0.0-0", "1.22.0", "0.9.0"),
        ("main", "", "1.22.0"),
        ("", "", "1.22.0"),
    ],
)
def test_ranges(text: str, inside: str, outside: str) -> None:
    for version in inside.split():
        assert is_in_range(parse_version(version) or (0, 0, 0), text), version
    for version in outside.split():
        assert not is_in_range(parse_version(version) or (0, 0, 0), text), version


@pytest.mark.parametrize("text", ["1.2", "1.2.3-rc1", "latest", "1.2.3.4", "", "x"])
def test_what_is_no_exact_version(text: str) -> None:
    assert parse_version(text) is None
