"""What is committed now, read while the wizard is open: whole, or the host keys alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from screens.draft.start import InitialAnswers, build_draft
from screens.text import as_error
from wizard.engine.probes import run_in_thread

if TYPE_CHECKING:
    from screens.app import WizardApp
    from screens.draft.draft import Draft


def reload_installation(app: WizardApp, name: str, key: str) -> None:
    """Take up the committed answers of an installation and go to one question of them."""
    app.run_worker(_reload(app, name, key), exclusive=True, group="reopen", exit_on_error=False)


async def load_committed_keys(app: WizardApp) -> None:
    """The host keys that were accepted before, into the draft."""
    from screens.draft.draft import Operator

    try:
        entries = await run_in_thread(app.workspace.committed_entries, app.existing)
    except Exception as error:
        app.show_error(as_error(error, "plan"))
        return
    identity = app.workspace.identity
    app.draft = replace(app.draft, operator=Operator(identity.by, identity.date, entries))
    if app.page:
        app.page.show_state()


async def _reload(app: WizardApp, name: str, key: str) -> None:
    try:
        app.draft = await run_in_thread(_load_draft, app, name)
    except Exception as error:
        app.show_error(as_error(error, "plan"))
        return
    app.initial_data = dict(app.draft.base)
    app.existing, app.pick_preset, app.folder = name, False, None
    app.visited = {step.name for step in app.draft.pages}
    app.touched = set()
    app.go_to_question(key)


def _load_draft(app: WizardApp, name: str) -> Draft:
    from screens.draft.draft import Operator
    from wizard.answers.host_keys import with_readable_host_keys

    workspace = app.workspace
    given = InitialAnswers(
        with_readable_host_keys(workspace.committed_answers(name) or {}), existing=name
    )
    identity = workspace.identity
    entries = workspace.committed_entries(name)
    operator = Operator(identity.by, identity.date, entries)
    return replace(build_draft(given, identity), operator=operator)
