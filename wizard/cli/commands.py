"""The table of all commands, and the commands that only print reference information.

A command takes the options and a console and returns an exit code. Its module is imported when it
runs, so `--help` imports little more than argparse, and no command imports the modules of another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from wizard import __version__
from wizard.cli.console import Console
from wizard.cli.options import Options
from wizard.errors import ExitCode

Command = Callable[[Options, Console], ExitCode]


def run_command(options: Options, console: Console) -> ExitCode:
    """Run the command that the options name, or print the version for --version."""
    if options.version:
        console.data(f"airflow-wizard {__version__}")
        return ExitCode.DONE
    return COMMANDS[options.command](options, console)


def schema(options: Options, console: Console) -> ExitCode:
    """Print the JSON schema of the answers file, for editors and CI."""
    from wizard.answers.model import Answers
    from wizard.answers.moved import describe_moved_keys

    del options
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    described = describe_moved_keys(Answers.model_json_schema(by_alias=True))
    console.data(json.dumps(dialect | described, indent=2))
    return ExitCode.DONE


def presets(options: Options, console: Console) -> ExitCode:
    """List the presets, or print one as an answers file to start from."""
    from wizard.answers.presets import list_presets, load_preset

    if options.name:
        return _print_preset(options, console)
    rows = [load_preset(name) for name in list_presets()]
    if options.json:
        data = [
            {"name": row.name, "title": row.title, "description": row.description} for row in rows
        ]
        console.data(json.dumps(data, indent=2))
        return ExitCode.DONE
    width = max(len(row.name) for row in rows)
    for row in rows:
        console.data(f"{row.name:<{width}}  {row.description}")
    return ExitCode.DONE


def _print_preset(options: Options, console: Console) -> ExitCode:
    from wizard.answers.presets import fill_in, load_preset
    from wizard.formats.yaml_writer import dump_yaml

    preset = load_preset(options.name)
    if options.json:
        console.data(json.dumps(preset.answers, indent=2))
    else:
        header = f"{preset.title}: {preset.description}"
        console.data(dump_yaml(*fill_in(preset), header))
    return ExitCode.DONE


def explain(options: Options, console: Console) -> ExitCode:
    """Print a question's meaning, values and condition; without a key, list all questions."""
    from wizard.answers.explain import find_explanations, load_explanations

    rows = find_explanations(options.key) if options.key else load_explanations()
    if options.json:
        console.data(json.dumps([row.to_json() for row in rows], indent=2))
        return ExitCode.DONE
    if options.key:
        console.data("\n\n".join(row.to_text() for row in rows))
        return ExitCode.DONE
    width = max(len(row.key) for row in rows)
    for row in rows:
        console.data(f"{row.key:<{width}}  {row.title}")
    return ExitCode.DONE


def _run_screens(options: Options, console: Console) -> ExitCode:
    from wizard.cli.interactive import run_screens

    return run_screens(options, console)


def _run_ask(options: Options, console: Console) -> ExitCode:
    from wizard.cli.interactive import run_ask

    return run_ask(options, console, lambda chosen: run_command(chosen, console))


def _run_plan(options: Options, console: Console) -> ExitCode:
    from wizard.cli.plan_and_commit import run_plan

    return run_plan(options, console)


def _run_commit(options: Options, console: Console) -> ExitCode:
    from wizard.cli.plan_and_commit import run_commit

    return run_commit(options, console)


def _run_set(options: Options, console: Console) -> ExitCode:
    from wizard.cli.plan_and_commit import run_set

    return run_set(options, console)


def _run_undo(options: Options, console: Console) -> ExitCode:
    from wizard.cli.undo import undo_last_run

    return undo_last_run(options, console)


def _run_secrets(options: Options, console: Console) -> ExitCode:
    from wizard.cli.secrets import run_secrets

    return run_secrets(options, console)


def _run_apply(options: Options, console: Console) -> ExitCode:
    if options.undo:
        from wizard.cli.destroy import run_undo

        return run_undo(options, console)
    from wizard.cli.apply import run_apply

    return run_apply(options, console)


def _run_destroy(options: Options, console: Console) -> ExitCode:
    from wizard.cli.destroy import run_destroy

    return run_destroy(options, console)


def _run_handover(options: Options, console: Console) -> ExitCode:
    from wizard.cli.handover import run_handover

    return run_handover(options, console)


def _run_check(options: Options, console: Console) -> ExitCode:
    from wizard.cli.check import run_check

    return run_check(options, console)


def _run_status(options: Options, console: Console) -> ExitCode:
    from wizard.cli.status import run_status

    return run_status(options, console)


def _run_import(options: Options, console: Console) -> ExitCode:
    from wizard.cli.import_command import run_import

    return run_import(options, console)


COMMANDS: Mapping[str, Command] = {
    "screens": _run_screens,
    "ask": _run_ask,
    "plan": _run_plan,
    "commit": _run_commit,
    "set": _run_set,
    "undo": _run_undo,
    "secrets": _run_secrets,
    "apply": _run_apply,
    "destroy": _run_destroy,
    "handover": _run_handover,
    "check": _run_check,
    "status": _run_status,
    "import": _run_import,
    "schema": schema,
    "presets": presets,
    "explain": explain,
}
