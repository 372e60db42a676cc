"""CONTRIBUTING.md and docs/ name files that exist and layers that are checked."""

from __future__ import annotations

import re

import pytest

from tests.support.paths import TOP
from tests.tools.layers import CORE

DOCUMENTS = ("CONTRIBUTING.md", "README.md", "docs/architecture.md")
# `<kind>` and the like stand for any name; other words with a slash are not paths of ours.
PATHS = re.compile(r"(?<![\w./-])(?:wizard|screens|presets|tests|docs)/[\w.*<>/-]*")


def missing_paths(text: str) -> list[str]:
    found = {match.group().rstrip(".") for match in PATHS.finditer(text)}
    patterns = {path: re.sub(r"<\w+>", "*", path).rstrip("/") for path in found}
    return sorted(path for path, pattern in patterns.items() if not list(TOP.glob(pattern)))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_exists(name: str) -> None:
    # README shows paths of the config repository too.
    text = re.sub("docs/<name>/[A-Za-z.-]+", "", (TOP / name).read_text(encoding="utf-8"))
    assert PATHS.search(text)
    assert missing_paths(text) == []


def test_a_path_that_does_not_exist_is_found() -> None:
    text = "see `wizard/answers/rules.py`, wizard/stores/<kind>/nothing.py and tests/gone."
    assert missing_paths(text) == ["tests/gone", "wizard/stores/<kind>/nothing.py"]


def test_the_picture_of_the_layers_shows_every_layer_in_order() -> None:
    text = (TOP / "docs/architecture.md").read_text(encoding="utf-8")
    lines = [line.strip() for line in CORE.strip().splitlines()]
    shown = [text.find(f'"{line}"') for line in lines if line != "wizard.__main__"]
    assert -1 not in shown
    assert shown == sorted(shown)


def test_contributing_fits_on_a_screen() -> None:
    lines = (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 66
    assert max(map(len, lines)) <= 100
