"""Base of the pages that commit: the proposal of the draft, why it is refused, and its consent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from screens.draft.outside import LookupResult
from screens.pages.base import Page
from screens.text import pluralize, question_label
from screens.widgets.prompts import ConfirmListDialog
from wizard.answers.questions import field_specs
from wizard.engine.probes import run_in_thread
from wizard.errors import AnswersError, Problem, WizardError
from wizard.findings import Finding
from wizard.plan.comparison import require_sound
from wizard.plan.consequences import Consequence
from wizard.plan.plan import Plan
from wizard.workspace.proposal import Proposal

COMPUTING = "computing the changes ..."
NOTHING_TO_COMMIT = "nothing to commit: the repository is up to date; a opens apply"


class ProposalPage(Page):
    """A page that computes what the draft changes, and commits it after the confirmations.

    `proposal` is None until it is computed, and if it cannot be. `problems` then has the answers
    to change. `refusal` is the error that forbids the commit, `block_reason` the same in one line;
    both are empty when it is allowed. `faults` are the failed probes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.proposal: Proposal | None = None
        self.block_reason = COMPUTING
        self.problems: Sequence[Problem] = ()
        self.refusal: WizardError | None = None
        self.faults: Sequence[LookupResult] = ()

    def show_proposal(self) -> None:
        """Show the new proposal, or why there is none."""
        raise NotImplementedError

    def propose(self) -> None:
        """Compute the changes in the background, then show them."""
        self.begin(self.compute_proposal, "propose")

    async def compute_proposal(self) -> None:
        """Compute the changes, then show them."""
        self.proposal, self.problems, self.refusal = None, (), None
        self.faults = self.host.session.faults(self.draft)
        self.block_reason = COMPUTING
        self.show_status()
        try:
            self.proposal = await run_in_thread(self.host.propose)
            require_sound(self.proposal.plan)
            await run_in_thread(self._require_branch, self.proposal)
        except AnswersError as error:
            self.problems = error.problems or (Problem("", error.message),)
            self.block_reason = (
                f"! {pluralize(len(self.problems), 'answer')} missing or invalid: enter goes there"
            )
        except WizardError as error:
            reason = error.message.split("\n")[0].rstrip(":")
            self.block_reason = f"! cannot commit, enter shows details: {reason}"
            self.refusal = error
            if self.proposal is None:
                self.problems = (Problem("", " ".join([error.message, error.hint]).strip()),)
        except Exception as error:  # show only its type: its text may contain a value
            self.block_reason = (
                f"! a bug ({type(error).__name__}); `airflow-wizard plan` shows where"
            )
        else:
            nothing = not self.proposal.plan.differs
            self.block_reason = NOTHING_TO_COMMIT if nothing else ""
        self.show_proposal()

    def _require_branch(self, proposal: Proposal) -> None:
        """Raise WizardError unless the current branch allows the commit; the plan omits this."""
        if proposal.plan.differs:
            repository = self.host.workspace.repository
            repository.refresh()
            repository.require_idle()
            target = proposal.answers.repository.branch
            repository.require_branch(target, self.host.branch or None)

    def commit_proposal(self) -> None:
        """Commit after the confirmations that it needs; show the error if it is refused."""
        if self.block_reason:
            self.app.bell()
            if self.refusal is not None:
                self.host.show_error(self.refusal)
        elif self.faults:
            self._confirm_faults()
        else:
            self._confirm_consequences()

    def _confirm_faults(self) -> None:
        """Commit despite failed probes after a confirmation; never with an unproven identity.

        `commit` runs no probes; `check --live` exits with 4 for the same failures.
        """
        text = "\n".join(
            f"- {one.summary}" + (f"\n  {one.result.fix}" if one.result.fix else "")
            for one in self.faults
        )
        fault = next((one for one in self.faults if one.is_trust), None)
        if fault is not None:
            ending = "You cannot commit until this is fixed. Press f5 on Pre-flight to probe again."
            self._refuse(f"{text}\n\n{ending}", fault.question)
            return
        title = f"{pluralize(len(self.faults), 'probe')} failed. Commit anyway?"
        ask = ConfirmListDialog(title, text, yes="commit anyway", no="not yet")
        self.host.push_screen(ask, lambda yes: self._confirm_consequences() if yes else None)

    def _confirm_consequences(self) -> None:
        """Commit; after a confirmation, if consequences need a yes of their own."""
        if self.proposal is None:
            return
        wanted = self.proposal.plan.find_unaccepted(())
        if not wanted:
            self.host.commit(self.proposal)
            return
        text = "\n\n".join(f"{one.grade}: {one.text}" for one in wanted)
        proposal, names = self.proposal, [one.name for one in wanted]
        ask = ConfirmListDialog("Is this what you want?", text, yes="commit", no="not yet")
        self.host.push_screen(ask, lambda yes: self.host.commit(proposal, names) if yes else None)

    def _refuse(self, text: str, key: str) -> None:
        """Refuse the commit; offer the question that fixes the failure, if it applies."""
        title = "The server's identity is not proven"
        if key not in {item.key for item in field_specs() if item.applies(self.draft.answers)}:
            self.host.show_note(title, text)
            return
        ask = ConfirmListDialog(title, text, yes=f"go to {question_label(key)}", no="not now")
        self.host.push_screen(ask, lambda yes: self.host.go_to_question(key) if yes else None)


def list_remarks(
    plan: Plan,
    faults: Sequence[LookupResult],
    decisions: Iterable[str] = (),
    *,
    above: bool = False,
) -> list[str]:
    """Return what follows from a plan as lines: consequences, faults, findings, steps.

    `decisions` describe what was decided about conflicts. `above`: the consequences are shown
    elsewhere.
    """
    lines = [] if above else [format_consequence(one) for one in plan.consequences]
    lines += [f"! {one.summary}" for one in faults]
    lines += [f"! {one}" for one in plan.missing_evidence]
    lines += [_format_finding(one) for one in plan.findings]
    lines += [f"- {one}" for one in (*plan.warnings, *decisions)]
    if not lines:
        lines = ["ok, no findings"]
    if plan.next_steps:
        lines += ["", "Steps after the commit, outside Git:"]
        lines += [f"  {one.title}  [{one.owner}]" for one in plan.next_steps]
    return lines


def format_consequence(one: Consequence) -> str:
    """Return a consequence as a line; `!` marks one that needs a yes."""
    return f"{'!' if one.needs_consent else '-'} {one.grade}: {one.text}"


def _format_finding(one: Finding) -> str:
    return f"! {str(one).removeprefix('error: ')}" if one.is_error else f"- {one}"
