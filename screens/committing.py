"""The commit itself: in a thread, once, and never cut short by a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.errors import WizardError
from wizard.probes import in_thread

if TYPE_CHECKING:
    from screens.app import WizardApp
    from wizard.workflow import Proposal


async def commit(app: WizardApp, proposal: Proposal) -> None:
    """Write and commit what was shown; the page of the result, or why nothing was committed."""
    app.say("writing the commit ...")
    try:
        done = await in_thread(app.workspace.commit, proposal, branch=app.branch)
    except WizardError as error:
        app.say("! nothing was committed")
        app.show_error(error)
    except Exception as error:  # never its text: it may hold a value
        app.say(f"! a bug ({type(error).__name__}); `airflow-wizard commit` says where")
    else:
        from screens.result import ResultScreen

        await in_thread(remember, app, proposal.answers.installation.name)
        app.draft = app.draft.kept()
        app.switch_screen(ResultScreen(done))
    finally:
        app.committing = False


def remember(app: WizardApp, installation: str) -> None:
    """Keep on this machine what stays unverified of a committed installation; never raises."""
    from wizard.unverified import Unverified

    left = app.session.unverified(app.draft)
    if left is not None:
        memory = Unverified(app.workspace.repository, installation)
        memory.tried(left, app.workspace.identity.date)
