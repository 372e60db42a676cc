"""The commit itself: in a thread, once, and never cut short by a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.background.tasks import save_unverified
from wizard.engine.probes import run_in_thread
from wizard.errors import WizardError

if TYPE_CHECKING:
    from screens.host import Host
    from wizard.workspace.proposal import Proposal


async def commit(host: Host, proposal: Proposal) -> None:
    """Write and commit what was shown; the page of the result, or why nothing was committed."""
    host.say("writing the commit ...")
    try:
        done = await run_in_thread(host.workspace.commit, proposal, branch=host.branch)
    except WizardError as error:
        host.say("! nothing was committed")
        host.show_error(error)
    except Exception as error:  # never its text: it may hold a value
        host.say(f"! a bug ({type(error).__name__}); `airflow-wizard commit` says where")
    else:
        await run_in_thread(save_unverified, host, proposal.answers.installation.name)
        host.draft = host.draft.as_committed()
        host.open_result(done)
    finally:
        host.end_commit()
