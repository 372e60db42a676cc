"""The commands that only explain, and the table of all commands.

Command functions take the parsed arguments and a console and return an exit code; whatever they
need is imported when they run, so that `--help` stays as light as argparse.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping

from wizard.cli.console import Console
from wizard.errors import ExitCode

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

    from wizard.answers.model import Answers

    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    console.data(json.dumps(dialect | Answers.model_json_schema(by_alias=True), indent=2))
    return ExitCode.DONE


def presets(arguments: Namespace, console: Console) -> ExitCode:
    """List the presets, or print one as an answers file to start from."""
    import json

    from wizard.answers import presets as shipped

    if arguments.name:
        from wizard.formats.yaml_writer import dump_yaml

        preset = shipped.load_preset(arguments.name)
        if getattr(arguments, "json", False):
            console.data(json.dumps(preset.answers, indent=2))
        else:
            header = f"{preset.title}: {preset.description}"
            console.data(dump_yaml(preset.answers, shipped.comment_missing_answers(preset), header))
        return ExitCode.DONE
    found = [shipped.load_preset(name) for name in shipped.list_presets()]
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

    from wizard.answers.explain import find_explanations, load_explanations

    if not arguments.key:
        rows = load_explanations()
        if getattr(arguments, "json", False):
            console.data(json.dumps([row.to_json() for row in rows], indent=2))
            return ExitCode.DONE
        width = max(len(row.key) for row in rows)
        for row in rows:
            console.data(f"{row.key:<{width}}  {row.title}")
        return ExitCode.DONE
    found = find_explanations(arguments.key)
    for number, row in enumerate(found):
        if getattr(arguments, "json", False):
            continue
        console.data(("" if number == 0 else "\n") + row.to_text())
    if getattr(arguments, "json", False):
        console.data(json.dumps([row.to_json() for row in found], indent=2))
    return ExitCode.DONE


def screens(arguments: Namespace, console: Console) -> ExitCode:
    """The screens."""
    from wizard.cli.interactive import run_screens

    return run_screens(arguments, console)


def ask(arguments: Namespace, console: Console) -> ExitCode:
    """The same questions, line by line."""
    from wizard.cli.interactive import run_ask

    return run_ask(arguments, console)


def secrets(arguments: Namespace, console: Console) -> ExitCode:
    """What the store lacks."""
    from wizard.cli.secrets import run_secrets as provide

    return provide(arguments, console)


def _headless(name: str) -> Command:
    def run(arguments: Namespace, console: Console) -> ExitCode:
        from wizard.cli import plan_and_commit

        command: Command = getattr(plan_and_commit, name)
        return command(arguments, console)

    return run


def apply(arguments: Namespace, console: Console) -> ExitCode:
    """Make live what is committed."""
    from wizard.cli import apply as command

    return command.apply(arguments, console)


def destroy(arguments: Namespace, console: Console) -> ExitCode:
    """Remove an installation."""
    from wizard.cli import destroy as command

    return command.destroy(arguments, console)


def handover(arguments: Namespace, console: Console) -> ExitCode:
    """What others run."""
    from wizard.cli import handover as command

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
