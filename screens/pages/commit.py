"""The commit itself: in a thread, once, and never cut short by a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.background.tasks import save_unverified
from wizard.engine.probes import run_in_thread
from wizard.errors import WizardError

if TYPE_CHECKING:
    from screens.app import WizardApp
    from wizard.workspace.proposal import Proposal


async def commit(app: WizardApp, proposal: Proposal) -> None:
    """Write and commit what was shown; the page of the result, or why nothing was committed."""
    app.say("writing the commit ...")
    try:
        done = await run_in_thread(app.workspace.commit, proposal, branch=app.branch)
    except WizardError as error:
        app.say("! nothing was committed")
        app.show_error(error)
    except Exception as error:  # never its text: it may hold a value
        app.say(f"! a bug ({type(error).__name__}); `airflow-wizard commit` says where")
    else:
        from screens.pages.result import ResultScreen

        await run_in_thread(save_unverified, app, proposal.answers.installation.name)
        app.draft = app.draft.as_committed()
        app.switch_screen(ResultScreen(done))
    finally:
        app.committing = False
