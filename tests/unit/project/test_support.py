"""The suite's own helpers find what they are there to find."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input, Label

from tests.conftest import compare_files
from tests.support.canary import Canary
from tests.support.paths import TOP
from tests.support.process import Terminal, run
from tests.support.screens import settled

SCREEN = """
from textual.app import App
from textual.widgets import Input, Label

class Trial(App[None]):
    BINDINGS = [("ctrl+q", "quit", "quit")]
    def compose(self):
        yield Label("A trial \\u2713")
        yield Input(placeholder="type here")
    def on_input_submitted(self, event):
        self.exit(return_code=7)
        self.query_one(Label).update(event.value)

app = Trial()
app.run()
raise SystemExit(app.return_code)
"""


class Trial(App[None]):
    def compose(self) -> ComposeResult:
        yield Label("A trial [not markup", markup=False)
        yield Input("some text")


@pytest.mark.parametrize(
    "disguise",
    [
        str,
        str.upper,
        lambda text: text[::-1],
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(b"u:" + text.encode()).decode(),
        lambda text: base64.urlsafe_b64encode(b"x" + text.encode()).decode(),
        lambda text: text.encode().hex(),
        lambda text: quote(text, safe=""),
    ],
)
def test_a_secret_is_found_in_disguise(canary: Canary, disguise: Callable[[str], str]) -> None:
    text = f"before {disguise(canary.hostile('password'))} after"
    assert canary.traces(text)
    with pytest.raises(AssertionError) as failure:
        canary.assert_absent(text)
    assert canary.marker not in str(failure.value)


def test_a_secret_is_found_in_files_and_names(canary: Canary, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "object").write_bytes(b"\xff" + canary.secret().encode("utf-16-le"))
    (tmp_path / f"{canary.secret()}.txt").write_text("")
    (tmp_path / "clean").write_text("nothing to see")
    assert len(canary.traces(tmp_path)) == 2
    canary.assert_absent(tmp_path / "clean", "", b"")


def test_a_test_that_prints_a_secret_fails(canary: Canary, tmp_path: Path) -> None:
    (tmp_path / "test_prints.py").write_text(
        "def test_prints(canary):\n    print(canary.secret())\n"
        "def test_is_quiet(canary):\n    assert canary.secret()\n"
    )
    plugins = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    done = run([sys.executable, "-m", "pytest", "-q", *plugins, "."], cwd=tmp_path)
    assert "1 failed, 1 passed" in done.out, done


def test_nothing_of_the_callers_environment_is_left(clean_environment: Path) -> None:
    assert os.environ["HOME"] == str(clean_environment)
    for name in ("NO_COLOR", "VAULT_TOKEN", "VAULT_ADDR", "KUBECONFIG", "SSH_AUTH_SOCK", "GIT_DIR"):
        assert name not in os.environ
    done = run(["git", "var", "GIT_AUTHOR_IDENT"])
    assert done.out.startswith("Ada Example <ada@example.com>")


def test_golden_files_are_compared_and_updated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.conftest.TOP", tmp_path)
    with pytest.raises(AssertionError, match="--update"):
        compare_files(tmp_path, update=False)("deep/name.txt", "text")
    compare_files(tmp_path, update=True)("deep/name.txt", "text\r\n")
    compare_files(tmp_path, update=False)("deep/name.txt", "text\r\n")
    with pytest.raises(AssertionError, match="differs from"):
        compare_files(tmp_path, update=False)("deep/name.txt", "text\n")


async def test_a_frame_is_what_the_screen_shows() -> None:
    async with Trial().run_test(size=(40, 6)) as pilot:
        shown = await settled(pilot)
    assert shown.splitlines()[0] == "A trial [not markup"
    assert "some text" in shown
    assert len(shown.splitlines()) == 6


def test_a_terminal_runs_textual(pty_run: Callable[..., Terminal]) -> None:
    terminal = pty_run(["-c", SCREEN])
    terminal.wait_for("A trial ✓")
    terminal.wait_for("type here")
    terminal.send("hello")
    assert "hello" in terminal.wait_for("hello")
    terminal.resize(100, 30)
    terminal.send("\r")
    assert terminal.wait() == 7


def test_a_terminal_tells_what_it_did_not_see(pty_run: Callable[..., Terminal]) -> None:
    terminal = pty_run(["-c", "print('something else')"])
    with pytest.raises(AssertionError, match=r"never showed \(it ended\)[\s\S]*something else"):
        terminal.wait_for("this")
    assert terminal.wait() == 0


def test_a_terminal_interrupts_as_a_person_would(pty_run: Callable[..., Terminal]) -> None:
    terminal = pty_run(["-c", "import time; print('ready'); time.sleep(60)"])
    terminal.wait_for("ready")
    terminal.send("\x03")
    assert terminal.wait() in (1, -2, 130)


def test_make_says_which_python_is_missing(tmp_path: Path) -> None:
    script = TOP / "tests" / "tools" / "make_venv.sh"
    done = subprocess.run(
        ["/bin/sh", script, tmp_path / "venv"],
        env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "no Python 3.11 or newer" in done.stderr
    assert not (tmp_path / "venv").exists()
