"""A bug ends the screens with a traceback in which no variable is shown."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from screens.app import WizardApp, run
from screens.background import in_thread
from tests.canary import MARKER
from tests.process import Terminal
from tests.screens.support import answers, opened
from wizard.errors import AnswersError

SCRIPT = """
import sys
from pathlib import Path
from screens import form
from screens.app import run
from wizard.workflow import Workspace

def broken(self):
    token = sys.argv[2]
    raise KeyError(len(token))

form.FormScreen.action_help = broken
run(Workspace.open(Path(sys.argv[1]), create=True, today="2026-11-21"), {})
"""


def test_a_crash_prints_no_variable(
    tmp_path: Path, pty_run: Callable[..., Terminal], canary: object
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    top = tmp_path / "top"
    top.mkdir()
    terminal = pty_run([sys.executable, script, top, f"{MARKER}-token"])
    terminal.wait_for("Installation")
    terminal.send("\x1bOP")
    assert terminal.wait() == 70
    text = terminal.raw.decode(errors="replace")
    assert "KeyError" in text
    assert "in broken" in text
    assert MARKER not in text


def test_the_canary_would_be_printed_by_textual_itself(
    tmp_path: Path, pty_run: Callable[..., Terminal]
) -> None:
    """Without our override the test above proves nothing."""
    script = tmp_path / "script.py"
    undone = "from screens.app import WizardApp\ndel WizardApp._fatal_error\n"
    script.write_text(SCRIPT.replace("def broken", undone + "def broken"))
    top = tmp_path / "top"
    top.mkdir()
    terminal = pty_run([sys.executable, script, top, f"{MARKER}-token"])
    terminal.wait_for("Installation")
    terminal.send("\x1bOP")
    terminal.wait()
    assert MARKER in terminal.raw.decode(errors="replace")


async def test_a_thread_hands_on_what_it_raises() -> None:
    def broken() -> None:
        raise AnswersError("no")

    with pytest.raises(AnswersError):
        await in_thread(broken)
    assert await in_thread(max, 1, 2) == 2


def test_a_wrong_fingerprint_flag_is_an_answers_error(tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match="cannot be read"):
        run(opened(tmp_path), answers("local"), typed=["MD5:00"])


def test_nothing_of_the_screens_is_loaded_by_the_core() -> None:
    code = "import wizard.workflow, wizard.cli, sys; print('textual' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "False\n"


def test_the_app_is_typed_by_its_result(tmp_path: Path) -> None:
    assert WizardApp(opened(tmp_path), {}).return_value is None
