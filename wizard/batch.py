"""One or all installations of a repository, each told about on its own."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from wizard.commands import Console
from wizard.errors import ExitCode, UsageError, WizardError
from wizard.start import Start, begin, looked_at

Work = Callable[[Start], tuple[ExitCode, dict[str, Any]]]


def over(arguments: Namespace, console: Console, work: Work) -> tuple[ExitCode, list[Any]]:
    """Do it for each installation the command is about: the worst exit code, and all results.

    With --all an installation that cannot be dealt with does not keep the others from their turn;
    results are kept only for --json and --out, so that memory does not grow with the repository.
    """
    workspace = looked_at(arguments)
    if not getattr(arguments, "all", False):
        code, result = work(begin(arguments, workspace))
        return code, [result]
    names = workspace.installations()
    _require_all(arguments, names)
    keep = bool(getattr(arguments, "json", False) or getattr(arguments, "out", None))
    worst, results = ExitCode.DONE, []
    for name in names:
        one = Namespace(**{**vars(arguments), "installation": name})
        try:
            code, result = work(begin(one, workspace))
        except WizardError as error:
            console.say(f"{name}:")
            console.fail(error)
            code, result = error.exit_code, {"installation": name, "error": error.message}
        worst = max(worst, code)
        if keep:
            results.append(result)
    return worst, results


def _require_all(arguments: Namespace, names: list[str]) -> None:
    for option in ("answers", "preset", "installation"):
        if getattr(arguments, option, None):
            raise UsageError(f"--all takes no --{option}")
    if not names:
        raise UsageError("there is no installation in this repository")
