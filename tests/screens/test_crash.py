"""A bug ends the screens with a traceback without variables."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from screens.app import WizardApp
from screens.draft.start import InitialAnswers
from screens.pages.loading import LoadingScreen
from tests.screens.support import opened, wizard
from tests.support.canary import MARKER
from tests.support.process import WIZARD, Terminal
from tests.support.screens import frame, settled
from wizard.engine.probes import run_in_thread
from wizard.errors import AnswersError

SCRIPT = """
import sys
from pathlib import Path
from screens.pages import form
from screens.app import run
from screens.draft.start import InitialAnswers
from wizard.workspace.workspace import Workspace

def broken(self):
    token = sys.argv[2]
    raise KeyError(len(token))

form.FormScreen.action_help = broken
run(Workspace.open(Path(sys.argv[1]), create=True, today="2026-11-21"), lambda: InitialAnswers({}))
"""


def test_a_crash_prints_no_variable(
    tmp_path: Path, pty_run: Callable[..., Terminal], canary: object
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    top = tmp_path / "top"
    top.mkdir()
    terminal = pty_run([sys.executable, script, top, f"{MARKER}-token"])
    terminal.wait_for("^s review")
    terminal.send("\x1bOP")
    assert terminal.wait() == 70
    text = terminal.raw.decode(errors="replace")
    assert "KeyError" in text
    assert "in broken" in text
    assert MARKER not in text


def test_the_canary_would_be_printed_by_textual_itself(
    tmp_path: Path, pty_run: Callable[..., Terminal]
) -> None:
    """Textual prints variables by default, so the test above is meaningful."""
    script = tmp_path / "script.py"
    undone = "from screens.app import WizardApp\ndel WizardApp._fatal_error\n"
    script.write_text(SCRIPT.replace("def broken", undone + "def broken"))
    top = tmp_path / "top"
    top.mkdir()
    terminal = pty_run([sys.executable, script, top, f"{MARKER}-token"])
    terminal.wait_for("^s review")
    terminal.send("\x1bOP")
    terminal.wait()
    assert MARKER in terminal.raw.decode(errors="replace")


async def test_an_exception_in_a_thread_is_raised_to_the_caller() -> None:
    def broken() -> None:
        raise AnswersError("no")

    with pytest.raises(AnswersError):
        await run_in_thread(broken)
    assert await run_in_thread(max, 1, 2) == 2


async def test_an_error_at_start_ends_the_app(tmp_path: Path) -> None:
    app = WizardApp(opened(tmp_path), lambda: InitialAnswers({}, fingerprints=["MD5:00"]))
    async with app.run_test() as pilot:
        await settled(pilot)
    assert isinstance(app.failure, AnswersError)
    assert app.failure.message == "invalid fingerprint"


def test_an_error_at_start_is_the_error_of_the_command(
    tmp_path: Path, pty_run: Callable[..., Terminal]
) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    terminal = pty_run([*WIZARD, "--repo", tmp_path, "--set", "databse.host=x"])
    assert terminal.wait() == 3
    assert "did you mean database.host?" in terminal.raw.decode()


async def test_ctrl_q_quits_while_the_repository_is_read(tmp_path: Path) -> None:
    held = threading.Event()

    def read() -> InitialAnswers:
        held.wait(10)
        return InitialAnswers({})

    app = WizardApp(opened(tmp_path), read)
    async with app.run_test() as pilot:
        while not isinstance(app.screen, LoadingScreen):
            await pilot.pause()
        assert "reading the repository" in frame(app)
        assert "k8s-infra" in frame(app)
        await pilot.press("ctrl+q")
        await pilot.pause()
        held.set()
    assert app.return_value is None
    assert app.failure is None


def test_the_core_does_not_import_textual() -> None:
    code = (
        "import wizard.workspace.workspace, wizard.cli.main, sys; print('textual' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "False\n"


def test_the_app_is_typed_by_its_result(tmp_path: Path) -> None:
    assert wizard(tmp_path).return_value is None
