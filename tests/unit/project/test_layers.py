"""Imports run downwards through the rooms, and a wrong one is named with file, line and layers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.paths import TOP
from tests.tools.layers import find_circle, find_faults, list_imports

UPWARDS = {
    "at the top": ("from wizard.cli.main import main\n", 1),
    "of a module": ("from wizard.cli import main\n", 1),
    "by its dotted name": ("import wizard.cli.main\n", 1),
    "as a type only": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import wizard.cli.main\n", 3
    ),
    "inside a function": (
        "def run():\n    from wizard.cli.main import main\n    return main()\n", 2
    ),
    "inside a method, behind a condition": (
        "class A:\n    def run(self):\n        if self:\n            import wizard.cli.main\n", 4
    ),
}  # fmt: skip


def tree(top: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return top


def test_every_import_of_ours_runs_downwards() -> None:
    assert find_faults(TOP) == []


@pytest.mark.parametrize("how", UPWARDS)
def test_an_import_that_runs_upwards_is_named(tmp_path: Path, how: str) -> None:
    text, line = UPWARDS[how]
    top = tree(tmp_path, {"wizard/cli/main.py": "", "wizard/plan/diff.py": text})
    assert find_faults(top) == [
        f"wizard/plan/diff.py:{line}: wizard.plan may not import wizard.cli (wizard.cli.main)"
    ]
    other = tree(tmp_path, {"wizard/plan/diff.py": "", "wizard/cli/main.py": text.replace(
        "wizard.cli", "wizard.plan").replace("main", "diff")})  # fmt: skip
    assert find_faults(other) == []


def test_the_live_part_of_a_store_stands_above_the_systems(tmp_path: Path) -> None:
    """Two parts of one folder in two layers: what is longer says where a module belongs."""
    top = tree(
        tmp_path,
        {
            "wizard/stores/vault/live/steps.py": "import wizard.systems.target",
            "wizard/systems/target.py": "import wizard.stores.kinds",
            "wizard/stores/kinds.py": "",
        },
    )
    assert find_faults(top) == []
    tree(top, {"wizard/stores/kinds.py": "import wizard.stores.vault.live.steps"})
    assert find_faults(top)[0] == (
        "wizard/stores/kinds.py:1: wizard.stores may not import wizard.stores.*.live "
        "(wizard.stores.vault.live.steps)"
    )


def test_neighbours_and_layers_within_a_room_are_kept_too(tmp_path: Path) -> None:
    files = {
        "wizard/errors.py": "import wizard.findings",
        "wizard/findings.py": "",
        "screens/app.py": "",
        "screens/pages/form.py": "from screens import app",
        "wizard/systems/git/look.py": "",
        "wizard/systems/broker.py": "import wizard.systems.git.look",
        "wizard/elsewhere.py": "",
    }
    assert find_faults(tree(tmp_path, files)) == [
        "wizard/errors.py:1: wizard.errors may not import wizard.findings (wizard.findings)",
        "screens/pages/form.py:1: screens.pages may not import screens.app (screens.app)",
        "wizard/systems/broker.py:1: wizard.systems.broker may not import wizard.systems.git "
        "(wizard.systems.git.look)",
        "wizard.elsewhere: belongs to no layer",
    ]


def test_a_circle_within_one_layer_is_found(tmp_path: Path) -> None:
    files = {
        "wizard/plan/a.py": "import wizard.plan.b",
        "wizard/plan/b.py": "def f():\n    import wizard.plan.c",
        "wizard/plan/c.py": "import wizard.plan.a",
    }
    top = tree(tmp_path, files)
    assert len(set(find_circle(list_imports(top)))) == 3
    [fault] = find_faults(top)
    assert fault.startswith("circle of imports: wizard.plan.")
    tree(top, {"wizard/plan/c.py": ""})
    assert find_faults(top) == []
