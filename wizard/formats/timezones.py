"""The wizard's own list of time zones, so that the same answers are valid on every machine."""

from __future__ import annotations

from functools import cache
from pathlib import Path

TIME_ZONES_FILE = Path(__file__).with_name("timezones.txt")


@cache
def load_time_zones() -> frozenset[str]:
    """Return all names in the time zone database, including old ones such as US/Pacific.

    Source: tzdata's list of zones; tests/tools/timezones.py stores it with tzdata's version.
    """
    lines = TIME_ZONES_FILE.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def check_time_zone(value: str) -> str:
    """Return the name of a time zone that Airflow can load; ValueError suggests a similar name."""
    if value in load_time_zones():
        return value
    raise ValueError(f"the time zone database does not have this name; {_advice(value)}")


def _advice(value: str) -> str:
    from wizard.formats.messages import suggest_nearest

    folded = value.casefold()
    same = next((name for name in sorted(load_time_zones()) if name.casefold() == folded), "")
    if same:
        return f"did you mean {same}?"
    return (
        suggest_nearest(value, sorted(load_time_zones())) or "give one such as UTC or Asia/Taipei"
    )
