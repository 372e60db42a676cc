"""The shipped list of time zones: what it takes, what it refuses, and that a machine's is near."""

from __future__ import annotations

import zoneinfo

import pytest

from wizard.answers.files import validate_answers
from wizard.formats.timezones import TIME_ZONES_FILE, check_time_zone, load_time_zones


def test_the_list_is_sorted_and_says_its_version() -> None:
    first, *rest = TIME_ZONES_FILE.read_text().splitlines()

    assert first.startswith("# tzdata 20")
    assert rest == sorted(set(rest))
    assert len(rest) > 590


def test_the_list_is_about_that_of_any_machine() -> None:
    here = zoneinfo.available_timezones() - {"localtime", "Factory"}

    assert len(here - load_time_zones()) < 20, (
        "tzdata has grown: run python -m tests.tools.timezones"
    )


@pytest.mark.parametrize(
    "name", ["UTC", "Etc/UTC", "Europe/Berlin", "US/Pacific", "Etc/GMT+5", "EST5EDT",
             "America/Argentina/Buenos_Aires"],
)  # fmt: skip
def test_names_of_the_database_are_taken(name: str) -> None:
    assert check_time_zone(name) == name


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Europe/Brelin", "did you mean Europe/Berlin?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("utc", "did you mean UTC?"),
        ("", "give one such as UTC"),
        ("CEST+02:00", "does not have this name"),
        ("# tzdata 2026f", "does not have this name"),
        ("../../etc/passwd", "does not have this name"),
    ],
)
def test_others_are_refused_with_the_nearest(name: str, near: str) -> None:
    found = validate_answers({"environment": {"timezone": name}})

    (problem,) = [one for one in found.problems if one.key == "environment.timezone"]
    assert near in problem.message
