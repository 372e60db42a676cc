"""A first set-up as a recording: `make recording` writes docs/recording/first-set-up.cast.

The format is asciicast v2: `asciinema play` shows it, and asciinema's player does in a web page.
The command runs on a real terminal, in an empty repository; a script types.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.support.process import Terminal

SIZE = (80, 24)
# What a person types: a text to wait for, then keys.
SCRIPT = (
    ("Laptop", ""),
    ("Production", "\r"),
    ("What only you know", "pg.example.internal\r"),
    ("DAGs: Repository", "ssh://git@github.com/example/dags.git\r"),
    ("Secrets store: Server", "https://vault.example.internal:8200\r"),
    ("Delivery: This repository", "ssh://git@github.com/example/airflow-config.git\r"),
    ("enter commits", "\r"),
    ("Committed", ""),
)
KEY_SECONDS, READ_SECONDS = 0.05, 1.5
# The player does not wait longer than a person who watches would like to.
LONGEST_PAUSE = 1.5


class Recorder(Terminal):
    """A terminal that remembers when it showed what."""

    def __init__(self, folder: Path) -> None:
        self.events: list[tuple[float, str]] = []
        top = folder / "airflow-config"
        subprocess.run(["git", "init", "-q", "-b", "main", top], check=True)
        for name, value in (("user.name", "Ada Example"), ("user.email", "ada@example.com")):
            subprocess.run(["git", "config", name, value], cwd=top, check=True)
        wizard = Path(sys.executable).parent / "airflow-wizard"
        home = {"HOME": str(folder), "COLORTERM": "truecolor", "KUBECONFIG": os.devnull}
        super().__init__([wizard], cwd=top, env=home, size=SIZE)

    def _read(self, seconds: float) -> bool:
        before = len(self.raw)
        is_open = super()._read(seconds)
        if len(self.raw) > before:
            text = self.raw[before:].decode(errors="replace")
            self.events.append((time.monotonic() - self.started, text))
        return is_open

    def rest(self, seconds: float) -> None:
        """Read for so long, as the person who watches does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read(min(0.05, max(0.0, end - time.monotonic())))


def record() -> list[tuple[float, str]]:
    """Run the script; return what the terminal showed, with seconds from the start."""
    with tempfile.TemporaryDirectory(prefix="wizard-") as folder:
        shown = Recorder(Path(folder))
        with shown:
            _play(shown)
        private = [folder, *filter(None, (os.environ.get("USER"), os.environ.get("HOME")))]
        written = "".join(text for _, text in shown.events)
        if any(len(one) > 1 and one in written for one in private):
            raise RuntimeError("the recording names this machine")
        return shown.events


def _play(shown: Recorder) -> None:
    """Type the script, and quit."""
    for text, keys in SCRIPT:
        shown.wait_for(text, 60)
        shown.rest(READ_SECONDS)
        for key in keys:
            shown.send(key)
            shown.rest(KEY_SECONDS)
    shown.rest(READ_SECONDS)
    shown.send("\x11")
    shown.wait()


def format_cast(events: Iterable[tuple[float, str]]) -> Iterator[str]:
    """Yield the lines of an asciicast v2 file; long pauses are shortened."""
    columns, rows = SIZE
    header = {
        "version": 2, "width": columns, "height": rows,
        "title": "Airflow Wizard: a first set-up", "env": {"TERM": "xterm-256color"},
    }  # fmt: skip
    yield json.dumps(header)
    now = last = 0.0
    for at, text in events:
        now += min(at - last, LONGEST_PAUSE)
        last = at
        yield json.dumps([round(now, 3), "o", text], ensure_ascii=False)


def main() -> int:
    """Write the recording to the named file."""
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(format_cast(record())) + "\n", encoding="utf-8")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
