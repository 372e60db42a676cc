"""Writes wizard/questions.json, which `explain` reads, from the model that the wizard asks.

`make generated` runs it; a test compares.
"""

from __future__ import annotations

import json

from wizard.answers.explain import QUESTIONS_FILE, build_explanations


def text() -> str:
    """The file as it should be: one question a line, so that a change shows as one."""
    rows = (json.dumps(row.to_json(), ensure_ascii=False) for row in build_explanations())
    return "[\n" + ",\n".join(rows) + "\n]\n"


if __name__ == "__main__":
    QUESTIONS_FILE.write_text(text(), encoding="utf-8")
