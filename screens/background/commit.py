"""Commits in a thread, which no key interrupts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from screens.background.tasks import save_unverified
from wizard.engine.probes import run_in_thread
from wizard.errors import WizardError
from wizard.plan.merge.sides import UNDECIDED
from wizard.workspace.commit import CommitOptions

if TYPE_CHECKING:
    from screens.host import Host
    from wizard.workspace.proposal import Proposal


async def commit(host: Host, proposal: Proposal, accepted: Sequence[str], backup: str) -> None:
    """Write and commit a proposal, then open the result page or show the error."""
    host.say("writing the commit ...")
    try:
        done = await run_in_thread(
            host.workspace.commit,
            proposal,
            CommitOptions(branch=host.branch, accepted=tuple(accepted), backup=backup),
        )
    except WizardError as error:
        host.say("! nothing was committed")
        host.show_error(error)
    except Exception as error:  # not its text, which may hold a value
        host.say(f"! a bug ({type(error).__name__}); `airflow-wizard commit` shows where")
    else:
        await run_in_thread(save_unverified, host, proposal.answers.installation.name)
        host.draft = host.draft.as_committed()
        host.decisions = UNDECIDED
        host.open_result(done)
    finally:
        host.end_commit()
