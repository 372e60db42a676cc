"""The entry point: parses arguments, runs a command, returns its exit code.

Standard output is data; standard error is messages.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

from wizard.cli import commands
from wizard.cli.console import Console
from wizard.cli.parser import parse_options
from wizard.cli.process import forbid_core_files, forbid_memory_images, forbid_tls_key_log
from wizard.errors import ExitCode, UsageError, WizardError

# The commands that always need the models. The screens show a frame before they are loaded.
READS_ANSWERS = frozenset(
    {
        "ask",
        "plan",
        "commit",
        "set",
        "secrets",
        "apply",
        "destroy",
        "handover",
        "check",
        "status",
        "import",
        "schema",
    }
)
# The commands that read values of secrets, keys or logins.
HOLDS_SECRETS = frozenset(
    {"screens", "secrets", "apply", "destroy", "check", "status", "commit", "ask", "set", "import"}
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (see wizard.errors); never raises."""
    # Otherwise pydantic would pass every answer to plugins of other packages.
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    forbid_tls_key_log()
    forbid_core_files()
    console = _open_console()
    try:
        options = parse_options(sys.argv[1:] if argv is None else argv)
        if not options.version and options.command in READS_ANSWERS | HOLDS_SECRETS:
            from wizard.formats.file_variables import require_plain_files

            require_plain_files()
        if options.command in HOLDS_SECRETS:
            forbid_memory_images()
        if options.command in READS_ANSWERS:
            import wizard.answers.model  # noqa: F401 - see _accept_interrupts
        _accept_interrupts()
        return int(commands.run_command(options, console))
    except (KeyboardInterrupt, EOFError):
        console.say("interrupted; no file is half-written, and the next run continues")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader closed the pipe. Without this, Python reports an error on closing stdout.
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


def _accept_interrupts() -> None:
    """Let Ctrl-C raise KeyboardInterrupt; until now it ended the process (see wizard.__main__).

    A KeyboardInterrupt while a library in C or Rust is imported becomes an ImportError or a panic,
    so the models are imported before this.
    """
    import signal

    if callable(signal.getsignal(signal.SIGINT)):
        with suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _open_console() -> Console:
    if isinstance(sys.stdin, TextIOWrapper):
        # Do not fail on invalid bytes here: the question that reads them refuses them.
        sys.stdin.reconfigure(errors="surrogateescape")
    return Console(_stream(sys.stdout), _stream(sys.stderr))


def _stream(stream: TextIO | None) -> TextIO:
    """Return a stream that accepts any text; os.devnull for a closed stream."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def _report_bug(error: Exception, console: Console) -> None:
    """Print only files, lines and functions of the traceback: the rest may contain a secret."""
    import traceback  # only a bug needs it

    console.say(f"error: a bug in airflow-wizard ({type(error).__name__}), here:")
    for frame in traceback.extract_tb(error.__traceback__):
        console.say(f"  {frame.filename}:{frame.lineno} in {frame.name}")
    console.say("hint: report these lines; they contain no message and no value")


if __name__ == "__main__":
    sys.exit(main())
