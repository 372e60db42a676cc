"""The command line: arguments -> core calls -> exit codes. stdout is data, stderr is narration."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wizard.errors import AnswersError, ExitCode, UsageError, WizardError

if TYPE_CHECKING:
    import argparse

    from wizard.commands import Console


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (see wizard.errors); never raises."""
    # pydantic would look for plugins among all installed packages and hand them every answer.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    console = _console()
    try:
        arguments = _parse(sys.argv[1:] if argv is None else argv)
        return int(_run(arguments, console))
    except KeyboardInterrupt:
        console.say("interrupted; nothing is half-written, the next run continues")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; Python would complain again while closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except WizardError as error:
        _explain(error, console)
        return error.exit_code
    except Exception as error:
        _report_bug(error, console)
        return ExitCode.BUG


def _console() -> Console:
    from wizard.commands import Console

    return Console(sys.stdout, sys.stderr)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    from wizard.arguments import parser

    return parser().parse_args(argv)


def _run(arguments: argparse.Namespace, console: Console) -> ExitCode:
    from wizard import commands

    command = arguments.command or "screens"
    return commands.COMMANDS[command](arguments, console)


def _explain(error: WizardError, console: Console) -> None:
    console.say(f"error: {error.message}")
    if isinstance(error, AnswersError):
        for problem in error.problems:
            console.say(f"  {problem}")
    if error.hint:
        console.say(f"hint: {error.hint}")
    if isinstance(error, UsageError) and not error.hint:
        console.say("hint: airflow-wizard --help")


def _report_bug(error: Exception, console: Console) -> None:
    """Where it happened, without the message or any variable: both may hold a secret."""
    import traceback

    console.say(f"error: a bug in airflow-wizard ({type(error).__name__}); nothing was hidden:")
    for frame in traceback.extract_tb(error.__traceback__):
        console.say(f"  {frame.filename}:{frame.lineno} in {frame.name}")
    console.say("hint: please report the lines above")


if __name__ == "__main__":
    sys.exit(main())
