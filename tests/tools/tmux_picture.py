"""What a real terminal shows, as a picture: `tmux capture-pane -e -p | python -m ... PATH`.

Without input, the pane of a tmux session is captured: `python -m tests.tools.tmux_picture PATH
SESSION`. The width is that of the pane or, read from input, of its longest line.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.tools.pictures import picture


def ansi_picture(ansi: str, path: Path, columns: int = 0, title: str = "") -> Path:
    """Write terminal output with its colours as PNG (and SVG); returns the PNG's path."""
    lines = [Text.from_ansi(line) for line in ansi.rstrip("\n").split("\n")]
    width = columns or max([line.cell_len for line in lines] + [1])
    console = Console(
        record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for line in lines:
        console.print(line, no_wrap=True, overflow="crop", crop=True)
    return picture(console.export_svg(title=title), path)


def captured(session: str) -> tuple[str, int]:
    """The visible pane of a tmux session with its colours, and its width."""
    size = _tmux("display-message", "-p", "-t", session, "#{pane_width}")
    return _tmux("capture-pane", "-e", "-p", "-t", session), int(size)


def _tmux(*arguments: str) -> str:
    return subprocess.run(["tmux", *arguments], capture_output=True, text=True, check=True).stdout


def main() -> int:
    if len(sys.argv) not in (2, 3):
        print("usage: python -m tests.tools.tmux_picture PATH [SESSION]", file=sys.stderr)
        return 64
    path = Path(sys.argv[1])
    ansi, columns = captured(sys.argv[2]) if len(sys.argv) == 3 else (sys.stdin.read(), 0)
    print(ansi_picture(ansi, path, columns))
    return 0


if __name__ == "__main__":
    sys.exit(main())
