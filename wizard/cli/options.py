"""The command and options of one run, typed, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from wizard.handover.scripts import Owner
    from wizard.systems.target import DataKind


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; made once a run by `wizard.cli.parser.parse_options`.

    A field has the name of its option, and its default where the option was not given or belongs
    to another command. File names stay text as they were typed, because messages quote them.
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

    # plan, set, check, handover, presets, explain
    detailed_exitcode: bool = False
    assignments: tuple[str, ...] = ()
    live: bool = False
    owner: Owner | None = None
    name: str = ""
    key: str = ""

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
        """Where the chart of --chart is."""
        return Path(self.chart) if self.chart else None

    def find_given(self, *names: str) -> str:
        """The first of these fields that was given, as the option is typed; empty without one."""
        given = next((name for name in names if getattr(self, name)), "")
        return f"--{given.replace('_', '-')}" if given else ""
