"""The output and input of commands: standard output, standard error, the terminal."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TextIO

from wizard.errors import UsageError, WizardError
from wizard.formats.terminal import escape_unprintable


@dataclass(frozen=True, slots=True)
class Console:
    """The output of a command: data on standard output, messages on standard error."""

    out: TextIO
    err: TextIO

    def data(self, text: str) -> None:
        """Print a part of the result to standard output; WizardError if printing fails."""
        try:
            self.out.write(text if text.endswith("\n") else f"{text}\n")
            self.out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise WizardError(f"standard output cannot be written: {error.strerror}") from None

    def say(self, text: str) -> None:
        """Print a message to standard error; a message that nobody can read is dropped."""
        # A message may quote a name from the repository, which must not move the cursor.
        lines = [escape_unprintable(line) for line in text.split("\n")]
        try:
            self.err.write("\n".join(lines) + "\n")
        except BrokenPipeError:
            raise
        except OSError:
            return  # the terminal is gone, or the disk is full

    def fail(self, error: WizardError) -> None:
        """Print an error with all its problems and its hint."""
        self.say(f"error: {error.message}")
        for problem in getattr(error, "problems", ()):
            self.say(f"  {problem}")
        if error.hint:
            self.say(f"hint: {error.hint}")

    @property
    def colour(self) -> bool:
        """Whether standard output is a terminal that shows colours."""
        return (
            self.out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        )


def require_terminal(console: Console) -> None:
    """Raise UsageError if screens cannot be shown; its hint names the headless commands."""
    if not (sys.stdin.isatty() and console.out.isatty()) or os.environ.get("TERM") == "dumb":
        raise UsageError(
            "the screens need a terminal",
            "without a terminal: airflow-wizard commit --answers FILE --yes (or --preset NAME); "
            "line by line: airflow-wizard ask",
        )


def read_line(console: Console, prompt: str) -> str:
    """Return one line from standard input, stripped; EOFError at its end, also of a terminal."""
    try:
        console.err.write(prompt)
        console.err.flush()
        line = sys.stdin.readline()
    except BrokenPipeError:
        raise
    except OSError:  # EIO, of a terminal that is gone
        raise EOFError from None
    if not line:
        raise EOFError
    return line.rstrip("\n").strip()


def ask_confirmation(console: Console, question: str) -> bool:
    """Return whether the answer to the question is `y` or `yes`."""
    return read_line(console, f"{question} [y/N]: ").casefold() in {"y", "yes"}
