"""Writes wizard/timezones.txt from the installed tzdata package, offline.

`make generated` does not run it: the list changes with the time zone database, not with ours. Run
it by hand (`python -m tests.tools.timezones`) after an update of tzdata, and read the diff.
"""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files

from wizard.formats.timezones import TIME_ZONES_FILE


def text() -> str:
    """The file as tzdata has it: its version, then a name a line."""
    version = import_module("tzdata").IANA_VERSION
    zones = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return "\n".join([f"# tzdata {version}", *sorted(zones)]) + "\n"


if __name__ == "__main__":
    TIME_ZONES_FILE.write_text(text(), encoding="utf-8")
