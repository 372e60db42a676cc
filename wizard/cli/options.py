"""The command and the options of one run, with types and defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from wizard.git.changes import Side
    from wizard.handover.scripts import Owner
    from wizard.systems.target import DataKind


@dataclass(frozen=True, slots=True)
class Options:
    """The parsed command line, created once per run by `wizard.cli.parser.parse_options`.

    A field has the name of its option, and its default value if the option was not given or
    belongs to a different command. File names stay as they were typed, because messages quote them.
    """

    command: str = "screens"
    version: bool = False

    # Global options
    repo: str = "."
    installation: str = ""
    all: bool = False
    answers: str = ""
    preset: str = ""
    set: tuple[str, ...] = ()
    host_key_fingerprint: tuple[str, ...] = ()
    target: str = ""
    accept: tuple[str, ...] = ()
    backup: str = ""
    on_conflict: Side | None = None
    adopt: tuple[str, ...] = ()
    chart: str = ""
    context: str = ""
    yes: bool = False
    json: bool = False

    # Options of more than one command
    out: str = ""
    dry_run: bool = False
    argocd_context: str = ""
    allow_reference: tuple[str, ...] = ()
    message: str = ""
    branch: str = ""
    push: bool = False
    pr: bool = False
    no_commit: bool = False

    # plan, set, check, handover, import, presets, explain
    detailed_exitcode: bool = False
    assignments: tuple[str, ...] = ()
    live: bool = False
    owner: Owner | None = None
    name: str = ""
    key: str = ""
    path: str = ""
    namespace: str = ""

    # secrets
    prove: bool = False
    register: str = ""
    hand_off: str = ""
    recipient: tuple[str, ...] = ()
    recipients_file: tuple[str, ...] = ()
    new_hand_off: bool = False
    take: str = ""
    identity: tuple[str, ...] = ()

    # apply, destroy
    plan: str = ""
    only: Literal["store", "delivery"] | None = None
    undo: bool = False
    database_admin: str = ""
    take_over: tuple[str, ...] = ()
    confirm: str = ""
    data: tuple[DataKind, ...] = ()

    @property
    def chart_path(self) -> Path | None:
        """The path given by --chart; None without --chart."""
        from pathlib import Path  # here: --help does without it

        return Path(self.chart) if self.chart else None

    def find_given(self, *names: str) -> str:
        """Return the first of these options that was given, as `--option`; empty if none was."""
        field = next((name for name in names if getattr(self, name)), "")
        return f"--{field.replace('_', '-')}" if field else ""
