"""Writes the tables of README.md from the presets and the model that the wizard asks.

`make generated` runs it; a test compares.
"""

from __future__ import annotations

import re

from tests.support.paths import TOP
from wizard.answers import presets
from wizard.answers.questions import field_specs

README = TOP / "README.md"


def preset_table() -> str:
    rows = [presets.load_preset(name) for name in presets.list_presets()]
    lines = ["| preset | for |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{row.name}` | {row.description} |" for row in rows)])


def page_table() -> str:
    pages: dict[str, list[str]] = {}
    intros: dict[str, tuple[str, str]] = {}
    for item in field_specs():
        if item.model.asked:
            intros[item.section] = (item.model.title, item.model.intro)
            pages.setdefault(item.section, []).append(item.key)
    lines = ["| page | keys | questions | |", "|---|---|---|---|"]
    for section, keys in pages.items():
        title, intro = intros[section]
        lines.append(f"| {title} | `{section}.*` | {len(keys)} | {intro} |")
    return "\n".join(lines)


def updated(text: str) -> str:
    """README text with its generated tables as they should be."""
    for name, table in (("presets", preset_table()), ("pages", page_table())):
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, lambda match: f"{match[1]}{table}\n{match[2]}", text, flags=re.S)  # noqa: B023
    return text


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
