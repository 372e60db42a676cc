"""The command line: arguments -> core calls -> exit codes. stdout is data, stderr is narration."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from types import ModuleType
from typing import TYPE_CHECKING, TextIO

from wizard.errors import ExitCode, UsageError, WizardError

if TYPE_CHECKING:
    import argparse

    from wizard.cli.console import Console

_GC_THRESHOLD = 50_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (see wizard.errors); never raises."""
    _disable_plugins()
    # Imports make many objects and hardly any garbage: looking for it takes a twentieth of a plan.
    gc.set_threshold(_GC_THRESHOLD)
    console = _console()
    try:
        arguments = _parse(sys.argv[1:] if argv is None else argv)
        return int(_run(arguments, console))
    except (KeyboardInterrupt, EOFError):
        console.say("interrupted; nothing is half-written, the next run continues")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; Python would complain again while closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except WizardError as error:
        console.fail(error)
        if isinstance(error, UsageError) and not error.hint:
            console.say("hint: airflow-wizard --help")
        return error.exit_code
    except Exception as error:
        _report_bug(error, console)
        return ExitCode.BUG


def _disable_plugins() -> None:
    """Keep plugins of other packages away from pydantic, which would hand them every answer.

    The variable forbids them. In place of its loader stands one that finds none, because loading
    it costs a tenth of a plan; a version of pydantic that has it elsewhere only misses that.
    """
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    loader = ModuleType("pydantic.plugin._loader")
    vars(loader)["get_plugins"] = tuple
    sys.modules.setdefault(loader.__name__, loader)


def _console() -> Console:
    from wizard.cli.console import Console

    if isinstance(sys.stdin, TextIOWrapper):
        # Bytes that are no text reach the question that was asked, which refuses them.
        sys.stdin.reconfigure(errors="surrogateescape")
    return Console(_stream(sys.stdout), _stream(sys.stderr))


def _stream(stream: TextIO | None) -> TextIO:
    """A stream that takes any text; what was closed by the caller goes nowhere."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    from wizard.cli.parser import build_parser

    return build_parser().parse_args(argv)


def _run(arguments: argparse.Namespace, console: Console) -> ExitCode:
    from wizard.cli import commands

    if getattr(arguments, "version", False):
        return commands.version(console)
    return commands.COMMANDS[arguments.command or "screens"](arguments, console)


def _report_bug(error: Exception, console: Console) -> None:
    """Where it happened, without the message or any variable: both may hold a secret."""
    import traceback

    console.say(f"error: a bug in airflow-wizard ({type(error).__name__}), here:")
    for frame in traceback.extract_tb(error.__traceback__):
        console.say(f"  {frame.filename}:{frame.lineno} in {frame.name}")
    console.say("hint: please report these lines; no message or value is among them")


if __name__ == "__main__":
    sys.exit(main())
