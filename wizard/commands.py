"""The commands that only explain, and the table of all commands.

Command functions take the parsed arguments and a console and return an exit code; whatever they
need is imported when they run, so that `--help` stays as light as argparse.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TextIO

from wizard.errors import ExitCode, UsageError, WizardError


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
        from wizard.diff import visible

        # An error may quote a name from the repository; it must not move the cursor.
        lines = [visible(line) for line in text.split("\n")]
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
        import os

        return (
            self.out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        )


Command = Callable[[Namespace, Console], ExitCode]


def version(console: Console) -> ExitCode:
    """The version, whatever else is asked for."""
    from wizard import __version__

    console.data(f"airflow-wizard {__version__}")
    return ExitCode.DONE


def schema(arguments: Namespace, console: Console) -> ExitCode:
    """JSON schema of the answers file, for editors and CI."""
    del arguments
    import json

    from wizard.sections import Answers

    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    console.data(json.dumps(dialect | Answers.model_json_schema(by_alias=True), indent=2))
    return ExitCode.DONE


def presets(arguments: Namespace, console: Console) -> ExitCode:
    """List the presets, or print one as an answers file to start from."""
    import json

    from wizard import presets as shipped

    if arguments.name:
        from wizard.yamltext import dump

        preset = shipped.load(arguments.name)
        if getattr(arguments, "json", False):
            console.data(json.dumps(preset.answers, indent=2))
        else:
            header = f"{preset.title}: {preset.description}"
            console.data(dump(preset.answers, shipped.to_fill(preset), header))
        return ExitCode.DONE
    found = [shipped.load(name) for name in shipped.names()]
    if getattr(arguments, "json", False):
        rows = [
            {"name": item.name, "title": item.title, "description": item.description}
            for item in found
        ]
        console.data(json.dumps(rows, indent=2))
        return ExitCode.DONE
    width = max(len(item.name) for item in found)
    for item in found:
        console.data(f"{item.name:<{width}}  {item.description}")
    return ExitCode.DONE


def explain(arguments: Namespace, console: Console) -> ExitCode:
    """What a key means, what it takes and when it is asked; without a key, all of them."""
    import json

    from wizard.explain import describe, overview

    if not arguments.key:
        rows = overview()
        if getattr(arguments, "json", False):
            console.data(json.dumps([row.to_json() for row in rows], indent=2))
            return ExitCode.DONE
        width = max(len(row.key) for row in rows)
        for row in rows:
            console.data(f"{row.key:<{width}}  {row.title}")
        return ExitCode.DONE
    found = describe(arguments.key)
    for number, row in enumerate(found):
        if getattr(arguments, "json", False):
            continue
        console.data(("" if number == 0 else "\n") + row.to_text())
    if getattr(arguments, "json", False):
        console.data(json.dumps([row.to_json() for row in found], indent=2))
    return ExitCode.DONE


def screens(arguments: Namespace, console: Console) -> ExitCode:
    """The screens."""
    from wizard.interactive import run_screens

    return run_screens(arguments, console)


def ask(arguments: Namespace, console: Console) -> ExitCode:
    """The same questions, line by line."""
    from wizard.interactive import run_ask

    return run_ask(arguments, console)


def secrets(arguments: Namespace, console: Console) -> ExitCode:
    """What the store lacks."""
    from wizard.provide import secrets as provide

    return provide(arguments, console)


def _headless(name: str) -> Command:
    def run(arguments: Namespace, console: Console) -> ExitCode:
        from wizard import headless

        command: Command = getattr(headless, name)
        return command(arguments, console)

    return run


def apply(arguments: Namespace, console: Console) -> ExitCode:
    """Make live what is committed."""
    from wizard.applying import command

    return command.apply(arguments, console)


def destroy(arguments: Namespace, console: Console) -> ExitCode:
    """Remove an installation."""
    from wizard.removing import command

    return command.destroy(arguments, console)


def handover(arguments: Namespace, console: Console) -> ExitCode:
    """What others run."""
    from wizard.handing import command

    return command.handover(arguments, console)


COMMANDS: Mapping[str, Command] = {
    "screens": screens,
    "ask": ask,
    "plan": _headless("plan"),
    "commit": _headless("commit"),
    "set": _headless("change"),
    "secrets": secrets,
    "apply": apply,
    "destroy": destroy,
    "handover": handover,
    "check": _headless("check"),
    "schema": schema,
    "presets": presets,
    "explain": explain,
}


def require_terminal(console: Console) -> None:
    """Refuse at once, naming the headless way, where no screens can be shown."""
    import os
    import sys

    if not (sys.stdin.isatty() and console.out.isatty()) or os.environ.get("TERM") == "dumb":
        raise UsageError(
            "the screens need a terminal",
            "without one: airflow-wizard commit --answers FILE --yes (or --preset NAME); line by "
            "line: airflow-wizard ask",
        )
