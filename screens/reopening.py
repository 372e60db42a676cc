"""The wizard again, on what is committed now: from the page of a run to the question that mends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from screens.given import Given, drafted
from wizard.probes import in_thread

if TYPE_CHECKING:
    from screens.app import WizardApp
    from screens.draft import Draft


def reopen(app: WizardApp, name: str, key: str) -> None:
    """Take up the committed answers of an installation and go to one question of them."""
    app.run_worker(_reopen(app, name, key), exclusive=True, group="reopen", exit_on_error=False)


async def _reopen(app: WizardApp, name: str, key: str) -> None:
    app.draft = await in_thread(_draft, app, name)
    app.given = dict(app.draft.base)
    app.existing, app.pick_preset, app.folder = name, False, None
    app.visited = {step.name for step in app.draft.steps}
    app.touched = set()
    app.go_to_question(key)


def _draft(app: WizardApp, name: str) -> Draft:
    from screens.draft import Operator
    from wizard.pasted import for_screens

    workspace = app.workspace
    given = Given(for_screens(workspace.committed(name) or {}), existing=name)
    identity = workspace.identity
    entries = workspace.committed_entries(name)
    operator = Operator(identity.by, identity.date, entries)
    return replace(drafted(given, identity), operator=operator)
