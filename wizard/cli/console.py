"""Where a command writes and reads: standard output, standard error, the terminal."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TextIO

from wizard.errors import UsageError, WizardError
from wizard.formats.terminal import escape_unprintable


@dataclass(frozen=True, slots=True)
class Console:
    """Where a command writes: data to standard output, narration to standard error."""

    out: TextIO
    err: TextIO

    def data(self, text: str) -> None:
        """One piece of the command's result; WizardError when it cannot be written."""
        try:
            self.out.write(text if text.endswith("\n") else f"{text}\n")
            self.out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise WizardError(f"standard output cannot be written: {error.strerror}") from None

    def say(self, text: str) -> None:
        """One line about what is going on; never a result."""
        # An error may quote a name from the repository; it must not move the cursor.
        lines = [escape_unprintable(line) for line in text.split("\n")]
        self.err.write("\n".join(lines) + "\n")

    def fail(self, error: WizardError) -> None:
        """An error with all its problems, and what to do next."""
        self.say(f"error: {error.message}")
        for problem in getattr(error, "problems", ()):
            self.say(f"  {problem}")
        if error.hint:
            self.say(f"hint: {error.hint}")

    @property
    def colour(self) -> bool:
        """Whether standard output is a terminal that wants colour."""
        return (
            self.out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        )


def require_terminal(console: Console) -> None:
    """Refuse at once, naming the headless way, where no screens can be shown."""
    if not (sys.stdin.isatty() and console.out.isatty()) or os.environ.get("TERM") == "dumb":
        raise UsageError(
            "the screens need a terminal",
            "without one: airflow-wizard commit --answers FILE --yes (or --preset NAME); line by "
            "line: airflow-wizard ask",
        )


def read_line(console: Console, prompt: str) -> str:
    """One line from standard input, without its line end; EOFError when there is no more."""
    console.err.write(prompt)
    console.err.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n").strip()


def ask_confirmation(console: Console, question: str) -> bool:
    """A yes that was typed; anything else is a no."""
    return read_line(console, f"{question} [y/N]: ").casefold() in {"y", "yes"}
