"""Load committed answers, or only the committed host keys, while the wizard is open."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from screens.draft.draft import Draft, Operator
from screens.draft.start import InitialAnswers, build_draft
from screens.text import as_error
from wizard.answers.host_keys import with_readable_host_keys
from wizard.engine.probes import run_in_thread

if TYPE_CHECKING:
    from screens.host import Host
    from wizard.workspace.workspace import Workspace


def reload_installation(host: Host, name: str, key: str) -> None:
    """Load the committed answers of an installation and open one question."""
    work = partial(_reload, host, name, key)
    host.run_worker(work, exclusive=True, group="reopen", exit_on_error=False)


async def load_committed_keys(host: Host) -> None:
    """Load the host keys that were accepted earlier into the draft."""
    try:
        operator = await run_in_thread(_load_operator, host.workspace, host.existing)
    except Exception as error:
        host.show_error(as_error(error, "plan"))
        return
    host.draft = replace(host.draft, operator=operator)
    host.show_state()


async def _reload(host: Host, name: str, key: str) -> None:
    try:
        draft = await run_in_thread(_load_draft, host.workspace, name)
    except Exception as error:
        host.show_error(as_error(error, "plan"))
        return
    host.use_committed(name, draft)
    host.go_to_question(key)


def _load_operator(workspace: Workspace, name: str) -> Operator:
    identity = workspace.identity
    return Operator(identity.by, identity.date, workspace.committed_entries(name))


def _load_draft(workspace: Workspace, name: str) -> Draft:
    data = with_readable_host_keys(workspace.committed_answers(name) or {})
    draft = build_draft(InitialAnswers(data, existing=name), workspace.identity)
    return replace(draft, operator=_load_operator(workspace, name))
