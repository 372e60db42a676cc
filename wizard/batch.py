"""One or all installations of a repository."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

from wizard.errors import UsageError
from wizard.start import Start, begin, open_workspace


def starts(arguments: Namespace) -> Iterator[Start]:
    """Where the command starts, once for each installation it is about."""
    workspace = open_workspace(arguments)
    if not getattr(arguments, "all", False):
        yield begin(arguments, workspace)
        return
    for option in ("answers", "preset", "installation"):
        if getattr(arguments, option, None):
            raise UsageError(f"--all takes no --{option}")
    names = workspace.installations()
    if not names:
        raise UsageError("there is no installation in this repository")
    for name in names:
        one = Namespace(**{**vars(arguments), "installation": name})
        yield begin(one, workspace)
