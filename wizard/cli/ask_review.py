"""The review of `ask`: the plan, what can be done before and after the commit, and the yes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.answers.files import parse_answers
from wizard.answers.host_keys import with_readable_host_keys
from wizard.cli.check_live import run_preflight
from wizard.cli.console import Console, read_line
from wizard.cli.options import Options
from wizard.cli.overview import show_overview
from wizard.cli.plan_and_commit import confirm_consequences, show_plan
from wizard.cli.unsaved_answers import save_answers_file
from wizard.deliveries.live import live_delivery
from wizard.errors import ExitCode, WizardError
from wizard.plan.comparison import require_ready, require_sound
from wizard.plan.merge.sides import Decisions
from wizard.workspace.deploy_keys import list_dag_keys
from wizard.workspace.suggestions import find_contexts

if TYPE_CHECKING:
    from wizard.cli.prompts import PromptSession
    from wizard.workspace.installation import CommandInput
    from wizard.workspace.proposal import Proposal

RunCommand = Callable[[Options], ExitCode]
_PREFLIGHT, _KEYS, _APPLY = "c", "k", "a"


@dataclass
class AskReview:
    """Shows the plan of a session until a person confirms it or refuses; writes nothing.

    The same can be done here as on the pages deploy key, pre-flight and apply. `run` runs another
    command. `accepted` are the accepted consequences, `backup` is the sentence about a backup;
    `applies`: the person wants to apply, too.
    """

    options: Options
    start: CommandInput
    session: PromptSession
    run: RunCommand
    accepted: tuple[str, ...] = ()
    backup: str = ""
    applies: bool = False

    @property
    def console(self) -> Console:
        """The console of the session."""
        return self.session.console

    def confirm(self) -> Proposal | None:
        """Return the confirmed proposal; None if the person refuses. Raises what a plan raises."""
        while True:
            proposal = self._propose()
            if proposal.plan.differs:
                show_overview(self.start.workspace, proposal, self.console)
            show_plan(proposal.plan, self.console)
            require_sound(proposal.plan)
            self.accepted, self.backup = confirm_consequences(
                proposal.plan, self.start.workspace, self.options, self.console
            )
            require_ready(proposal.plan, self.accepted, self.backup)
            if not proposal.plan.differs:
                return proposal
            answer = self._ask(proposal)
            if answer != _KEYS:
                self.applies = answer == _APPLY
                return proposal if answer in {"y", "yes", _APPLY} else None
            # The public halves are answers: the plan is another one.
            self._create_keys()

    def apply(self, proposal: Proposal) -> ExitCode:
        """Apply the installation that was just committed."""
        options = self.options
        return self.run(
            Options(
                "apply", repo=options.repo, installation=proposal.answers.installation.name,
                context=options.context, argocd_context=options.argocd_context,
                chart=options.chart,
            )
        )  # fmt: skip

    def _propose(self) -> Proposal:
        return self.start.workspace.propose(
            self.session.data,
            typed=self.session.typed,
            existing=self.start.existing,
            folder=self.start.folder,
            chart=self.options.chart_path,
            decisions=Decisions(self.options.on_conflict),
        )

    def _ask(self, proposal: Proposal) -> str:
        """Return the answer; runs the pre-flight as often as the person wants."""
        choices = {_PREFLIGHT: "c runs the pre-flight probes first"}
        if list_dag_keys(proposal.answers):
            choices[_KEYS] = "k creates missing secrets and shows the deploy keys first"
        if live_delivery(proposal.answers.delivery.kind).installer is not None:
            choices[_APPLY] = "a writes and then applies"
        self.console.say(f"y writes and commits; {'; '.join(choices.values())}.")
        while True:
            answer = read_line(self.console, "Write these files? [y/N]: ").casefold()
            if answer in {_PREFLIGHT, _APPLY} and answer in choices:
                self._pick_context()
            if answer in {_KEYS, _APPLY} and answer not in choices:
                return ""
            if answer != _PREFLIGHT:
                return answer
            try:
                run_preflight(self.options, self.start, proposal, self.console)
            except WizardError as error:
                self.console.fail(error)

    def _pick_context(self) -> None:
        """Ask for the cluster of this session, where the kubeconfig has several."""
        found = find_contexts(os.environ)
        if self.options.context or not found.names[1:]:
            return
        self.console.say(f"Contexts of Airflow's cluster, from {found.source}:")
        for number, name in enumerate(found.names, 1):
            self.console.say(f"  {'*' if name == found.current else ' '} {number}. {name}")
        while True:
            text = read_line(self.console, f"Context (number or name) [{found.current}]: ")
            if text.isdecimal() and 1 <= int(text) <= len(found.names):
                text = found.names[int(text) - 1]
            if (text or found.current) in found.names:
                self.options = replace(self.options, context=text or found.current)
                return
            self.console.say("  ! choose one of the list")

    def _create_keys(self) -> None:
        """Run `secrets` with these answers; they then hold the public halves of the keys."""
        session, options = self.session, self.options
        folder = self.start.folder or Path.cwd()
        path = save_answers_file(
            self.console, session.data, folder, typed=session.typed, repo=options.repo
        )
        if path is None:
            return
        try:
            self.run(
                Options(
                    "secrets", repo=options.repo, installation=self.start.existing,
                    answers=str(path), host_key_fingerprint=tuple(session.typed),
                    context=options.context,
                )
            )  # fmt: skip
        except WizardError as error:
            self.console.fail(error)
        data = parse_answers(path.read_text(encoding="utf-8"), path.name)
        session.data = with_readable_host_keys(data)
        path.unlink()
