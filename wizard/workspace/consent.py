"""Which secret references are new to the target branch, and need a yes before they are read.

Somebody else's answers file must not send your passwords to their Vault: a reference counts as
agreed to once it stands, word for word, on the branch that the answers name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from wizard.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.secrets.facts import Fact
    from wizard.secrets.references import SecretRef
    from wizard.workspace.workspace import Workspace

SERVER = "secrets.vault.server"
REPOSITORY, CONFIG_REPOSITORY = "dags.repo", "delivery.argocd.repo_url"
_READ = ("env", "file")


def target_answers(workspace: Workspace, name: str, branch: str) -> Mapping[str, Any]:
    """The raw answers of an installation on its target branch; empty without any."""
    from wizard.workspace import committed

    repository = workspace.repository
    head = repository.head
    commit = head.commit if head.branch == branch else repository.resolve(branch)
    if not name or commit is None:
        return {}
    return committed.answers(repository, name, commit) or {}


def key_of(answers: Answers, reference: SecretRef) -> str:
    """The dotted key of the question that holds this very reference."""
    from wizard.answers.questions import specs
    from wizard.formats.nested import get

    return next(
        item.key
        for item in specs(type(answers))
        if item.kind == "secret" and get(answers, item.path) is reference
    )


def new_references(
    answers: Answers, facts: Iterable[Fact], agreed: Mapping[str, Any]
) -> dict[str, SecretRef]:
    """References of these facts that would be read and stand otherwise in `agreed`, by key."""
    from wizard.formats.nested import get

    found = {}
    for fact in facts:
        reference = fact.reference
        if reference is None or reference.kind not in _READ:
            continue
        key = key_of(answers, reference)
        if get(agreed, (*key.split("."), reference.kind)) != reference.argument:
            found[key] = reference
    return found


def require_known(allowed: Iterable[str]) -> None:
    """Raise UsageError for a KEY of --allow-reference that names no reference."""
    from wizard.answers.questions import specs

    known = {item.key for item in specs() if item.kind == "secret"}
    known |= {SERVER, REPOSITORY, CONFIG_REPOSITORY}
    for key in allowed:
        if key not in known:
            raise UsageError(
                f"--allow-reference {key}: no secret reference has this key",
                f"there are: {', '.join(sorted(known))}",
            )


def refusal(keys: Iterable[str]) -> RefusedError:
    """The error where nobody said yes."""
    named = list(keys)
    options = " ".join(f"--allow-reference {key}" for key in named)
    return RefusedError(
        f"new to the target branch, and not agreed to: {', '.join(named)}; nothing was read",
        f"look at these answers, then add {options}",
    )
