"""Writes the tables of README.md and docs/versions.md from presets, model and chart versions.

`make generated` runs it; a test compares.
"""

from __future__ import annotations

import re

from tests.support.paths import TOP
from wizard.answers import presets
from wizard.answers.questions import field_specs
from wizard.chart.versions import VERSIONS

README = TOP / "README.md"
VERSIONS_PAGE = TOP / "docs" / "versions.md"


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


def version_table() -> str:
    lines = ["| chart | made for Airflow | takes Airflow |", "|---|---|---|"]
    for row in VERSIONS:
        takes = f"{row.lowest} or later" + (", before 3" if row.airflow_2_only else "")
        lines.append(f"| {row.chart} | {row.airflow} | {takes} |")
    return "\n".join(lines)


def updated(text: str) -> str:
    """A page with its generated tables as they should be."""
    tables = {"presets": preset_table, "pages": page_table, "versions": version_table}
    for name, table in ((name, make()) for name, make in tables.items()):
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, lambda match: f"{match[1]}{table}\n{match[2]}", text, flags=re.S)  # noqa: B023
    return text


if __name__ == "__main__":
    for page in (README, VERSIONS_PAGE):
        page.write_text(updated(page.read_text(encoding="utf-8")), encoding="utf-8")
