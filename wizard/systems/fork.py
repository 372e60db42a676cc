"""The question whether a clone of another repository may change what the installation has.

A fork has the same committed answers, so it names the same source, and would take what the original
repository made for its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.engine.steps import StepStatus
from wizard.errors import ConflictError
from wizard.formats.terminal import escape_unprintable
from wizard.state.apply_journal import REPOSITORY_PLACE, ApplyHistory
from wizard.systems.cluster.ownership import ask_identity

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.workspace.repository_identity import RemoteComparison

REPOSITORY_IDENTITY = "repository.identity"


def ask_fork(
    found: RemoteComparison, agreed: Mapping[str, str], known: Mapping[str, str], seen: str = ""
) -> StepStatus:
    """Return whether the operator confirmed the remote of a clone that may be a fork.

    `agreed` and `known` are as in `Target`; `seen` says what exists of the installation.
    """
    here, there = escape_unprintable(found.remote), escape_unprintable(found.source)
    if known.get(REPOSITORY_PLACE) == found.remote:
        return StepStatus("holds", f"remote {here}, as confirmed in an earlier run")
    why = f"the installation belongs to {there}, and this may be a fork{seen}"
    fix = (
        f"if it is a fork, give it a source of its own: {found.set_source}; if the remote is "
        f"another address of {there}, or {there} has moved to it"
    )
    return ask_identity(agreed, REPOSITORY_IDENTITY, f"remote {here}", why, fix)


def require_own(
    repository: WorkTree,
    installation: str,
    found: RemoteComparison,
    agreed: Mapping[str, str],
    seen: str = "",
) -> None:
    """Return if the remote of a clone that may be a fork is confirmed, and remember a new yes.

    `agreed` and `seen` are as in `ask_fork`. Raises ConflictError without a yes.
    """
    history = ApplyHistory(repository, installation)
    known = history.target_identities()
    look = ask_fork(found, agreed, known, seen)
    if look.state == "blocked":
        raise ConflictError(look.detail, look.fix)
    if known.get(REPOSITORY_PLACE) != found.remote:
        history.remember({REPOSITORY_PLACE: found.remote})


def describe_new(found: RemoteComparison) -> str:
    """Return, as a sentence, that what a fork makes belongs to the original repository."""
    here, there = escape_unprintable(found.remote), escape_unprintable(found.source)
    return (
        f"The remote is {here}, but what is made will belong to {there}; if this is a fork, stop "
        f"and run: {found.set_source}"
    )
