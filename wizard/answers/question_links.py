"""Which question of the wizard a remedy is about, so that a person can be led there."""

from __future__ import annotations

import re

_KEY = re.compile(r"\b[a-z_]+(?:\.[a-z_]+)+")


def find_question(remedy: str) -> str:
    """The first question whose dotted key, or the group of whose key, stands in these words.

    Only our own words are read, never those of a server; empty where they name none, or only what
    no page asks.
    """
    from wizard.answers.questions import field_specs

    keys = [item.key for item in field_specs() if item.model.asked]
    for named in _KEY.findall(remedy):
        for key in keys:
            if named == key or named.startswith(f"{key}.") or key.startswith(f"{named}."):
                return key
    return ""
