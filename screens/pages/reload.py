"""What is committed now, read while the wizard is open: whole, or the host keys alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from screens.draft.start import Given, drafted
from screens.text import as_error
from wizard.engine.probes import in_thread

if TYPE_CHECKING:
    from screens.app import WizardApp
    from screens.draft.draft import Draft


def reopen(app: WizardApp, name: str, key: str) -> None:
    """Take up the committed answers of an installation and go to one question of them."""
    app.run_worker(_reopen(app, name, key), exclusive=True, group="reopen", exit_on_error=False)


async def load_committed(app: WizardApp) -> None:
    """The host keys that were accepted before, into the draft."""
    from screens.draft.draft import Operator

    try:
        entries = await in_thread(app.workspace.committed_entries, app.existing)
    except Exception as error:
        app.show_error(as_error(error, "plan"))
        return
    identity = app.workspace.identity
    app.draft = replace(app.draft, operator=Operator(identity.by, identity.date, entries))
    if app.page:
        app.page.show_state()


async def _reopen(app: WizardApp, name: str, key: str) -> None:
    try:
        app.draft = await in_thread(_draft, app, name)
    except Exception as error:
        app.show_error(as_error(error, "plan"))
        return
    app.given = dict(app.draft.base)
    app.existing, app.pick_preset, app.folder = name, False, None
    app.visited = {step.name for step in app.draft.steps}
    app.touched = set()
    app.go_to_question(key)


def _draft(app: WizardApp, name: str) -> Draft:
    from screens.draft.draft import Operator
    from wizard.answers.host_keys import for_screens

    workspace = app.workspace
    given = Given(for_screens(workspace.committed(name) or {}), existing=name)
    identity = workspace.identity
    entries = workspace.committed_entries(name)
    operator = Operator(identity.by, identity.date, entries)
    return replace(drafted(given, identity), operator=operator)
