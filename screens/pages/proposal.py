"""Base of the pages that commit: the proposal of the draft, why it is refused, and its consent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from screens.draft.draft import Draft
from screens.draft.outside import LookupResult
from screens.pages.base import Page
from screens.text import pluralize, question_label
from screens.widgets.fields import TextField
from screens.widgets.prompts import ConfirmListDialog, PromptDialog
from wizard.answers.questions import field_specs
from wizard.deliveries.live import live_delivery
from wizard.engine.probes import run_in_thread
from wizard.errors import AnswersError, Problem, WizardError
from wizard.findings import Finding
from wizard.plan.comparison import require_sound
from wizard.plan.consequences import Consequence
from wizard.plan.plan import Plan
from wizard.workspace.backup import TAKES, describe_backup
from wizard.workspace.proposal import Proposal

COMPUTING = "computing the changes ..."
NOTHING_TO_COMMIT = "nothing to commit: the repository is up to date"


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
            keys = self.draft.unproven_questions.items()
            unproven = [Problem(question, text) for question, text in keys]
            self.problems = (*(error.problems or [Problem("", error.message)]), *unproven)
            self.block_reason = (
                f"! {pluralize(len(self.problems), 'answer')} missing or invalid: enter goes there"
            )
        except WizardError as error:
            reason = error.message.split("\n")[0].rstrip(":")
            self.block_reason = f"! cannot commit, enter shows details: {reason}"
            self.refusal = error
            if self.lacks_proof:
                missing = list(self.draft.unproven_questions)
                labels = ", ".join(map(question_label, missing))
                count = pluralize(len(missing), "answer")
                self.block_reason = f"! {count} missing, enter goes there: {labels}"
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
            if self.refusal is None:
                self.app.bell()
            elif self.lacks_proof:
                self.host.go_to_question(next(iter(self.draft.unproven_questions)))
            else:
                self._show_refusal(self.refusal)
        elif self.faults:
            self._confirm_faults()
        else:
            self._confirm_consequences()

    @property
    def lacks_proof(self) -> bool:
        """Whether the commit is refused for host keys that a page of the draft settles."""
        plan = self.proposal.plan if self.proposal is not None else None
        return bool(plan and plan.missing_evidence and self.draft.unproven_questions)

    def _show_refusal(self, error: WizardError) -> None:
        """Show why the commit is refused; enter goes to the question that settles it, if any."""
        key = error.fix.question
        if not self._is_asked(key):
            self.host.show_error(error)
            return
        ask = ConfirmListDialog(
            "This cannot be committed",
            "\n\n".join(filter(None, [error.message, error.hint])),
            yes=f"go to {question_label(key)}",
            no="not now",
            yes_first=True,
        )
        self.host.push_screen(ask, lambda yes: self.host.go_to_question(key) if yes else None)

    def _is_asked(self, key: str) -> bool:
        return any(one.key == key and one.applies(self.draft.answers) for one in field_specs())

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
        yes = "name a backup, then commit" if proposal.plan.needs_backup else "commit"
        ask = ConfirmListDialog("Is this what you want?", text, yes=yes, no="not yet")
        go_on = self._ask_for_backup if proposal.plan.needs_backup else self.host.commit
        self.host.push_screen(ask, lambda yes: go_on(proposal, names) if yes else None)

    def _ask_for_backup(self, proposal: Proposal, accepted: Sequence[str]) -> None:
        """Commit a migration once a backup of the database is named."""

        def read(text: str) -> str:
            try:
                return describe_backup(text, self.host.workspace.identity.date)
            except WizardError as error:
                raise ValueError(f"{error.message}: {error.hint}") from None

        ask = PromptDialog(
            "Which backup of the database is there?",
            f"Give {TAKES}. The commit message names it.",
            TextField(),
            read,
            "backup",
        )
        self.host.push_screen(
            ask, lambda found: self.host.commit(proposal, accepted, found) if found else None
        )

    def _refuse(self, text: str, key: str) -> None:
        """Refuse the commit; offer the question that fixes the failure, if it applies."""
        title = "The server's identity is not proven"
        if not self._is_asked(key):
            self.host.show_note(title, text)
            return
        yes = f"go to {question_label(key)}"
        ask = ConfirmListDialog(title, text, yes=yes, no="not now", yes_first=True)
        self.host.push_screen(ask, lambda yes: self.host.go_to_question(key) if yes else None)


def may_apply(draft: Draft) -> bool:
    """Return whether `apply` installs with this delivery; others are installed by hand."""
    return live_delivery(draft.answers.delivery.kind).installer is not None


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
