"""The store behind the deploy-key page: read it, fill it, read a key of one's own; all blocking.

It works by the steps of `secrets` (wizard.provisioning.steps). Return values hold no secret unless
the docstring says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.clients.vault.address import read_credentials
from wizard.errors import ConflictError, RefusedError, WizardError
from wizard.provisioning.sealed_file import require_no_earlier_hand_off
from wizard.provisioning.steps import (
    StoreSession,
    StoreTarget,
    open_cluster,
    open_store,
    resolve_store,
)
from wizard.provisioning.survey import key_comment
from wizard.secrets.deploy_key import list_repairs, read_private_key, require_recorded_key
from wizard.secrets.resolve import resolve_reference
from wizard.workspace.consent import target_answers

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.vault.address import AppRole, Token
    from wizard.provisioning.survey import Inputs, StoreItem
    from wizard.secrets.deploy_key import KeyPair
    from wizard.systems.prior_use import PriorUse
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.workspace import Workspace

GIT_KEY = "gitSshKey"


@dataclass(frozen=True)
class StoreAccess:
    """What a look at the store needs, before anything is sent there."""

    proposal: Proposal
    branch_answers: Mapping[str, Any]
    target: StoreTarget
    credentials: Token | AppRole
    workspace: Workspace

    @property
    def place(self) -> str:
        """Endpoint and identity, for consent."""
        return f"{self.target.where.endpoint} as {self.credentials.identity}"


@dataclass(frozen=True)
class StoreContents:
    """What the store has and lacks, of a proposal; nothing of its values.

    `denied` is why what lacks could not be written. `elsewhere` says of further paths of the
    installation what this page does not fill, a line each.
    """

    proposal: Proposal
    store: str
    identity: str
    version: int
    items: tuple[StoreItem, ...]
    public: str = ""
    denial: WizardError | None = None
    other_paths: tuple[str, ...] = ()

    @property
    def missing_items(self) -> tuple[StoreItem, ...]:
        """What would be made or read, and written."""
        return tuple(item for item in self.items if item.state in {"generate", "given"})

    def state_of(self, key: str) -> str:
        """Where a fact comes from; empty where the installation has none of this key."""
        return next((item.state for item in self.items if item.fact.key == key), "")

    @property
    def unset_variables(self) -> tuple[str, ...]:
        """The variables that what lacks is to be read from, and that this process has not."""
        references = [item.fact.reference for item in self.missing_items if item.state == "given"]
        names = [one.argument for one in references if one is not None and one.kind == "env"]
        return tuple(name for name in dict.fromkeys(names) if name not in os.environ)


def load_target_answers(workspace: Workspace, existing: str, answers: Answers) -> Mapping[str, Any]:
    """The raw answers on the target branch."""
    return target_answers(workspace, existing, answers.repository.branch)


def find_operator() -> str:
    """Who the operator is to Vault, without the secret; empty where nothing says so."""
    try:
        credentials = read_credentials()
    except WizardError as error:
        # The look says it in full.
        return error.message
    return credentials.identity if credentials else ""


def prepare_access(proposal: Proposal, workspace: Workspace) -> StoreAccess:
    """Where the store is and who the operator is there; nothing is sent."""
    branch_answers = load_target_answers(workspace, proposal.existing, proposal.answers)
    target = resolve_store(proposal, branch_answers)
    return StoreAccess(proposal, branch_answers, target, target.login(), workspace)


def read_store(access: StoreAccess) -> StoreContents:
    """Read the store."""
    with open_store(access.target, access.credentials) as session:
        denial: WizardError | None = None
        if session.found.missing_facts:
            try:
                session.require_rights()
            except RefusedError as error:
                denial = error
        return _store_contents(session, session.key(), denial)


def _other_path_lines(session: StoreSession) -> Iterator[str]:
    """What the paths of further readers lack, such as Argo CD's; the first one's is shown whole."""
    try:
        others = session.open_all_paths()[1:]
    except WizardError as error:
        yield f"not looked at: {error.message}"
        return
    for other in others:
        if other.found.missing_facts:
            missing = ", ".join(fact.key for fact in other.found.missing_facts)
            yield f"{other.found.store.name} lacks {missing}"


def _store_contents(
    session: StoreSession, key: KeyPair | None, denial: WizardError | None = None
) -> StoreContents:
    survey = session.found
    return StoreContents(
        session.proposal,
        survey.store.name,
        session.store.identity,
        survey.seen.version,
        survey.items,
        key.public if key else "",
        denial,
        tuple(_other_path_lines(session)),
    )


def find_prior_use(access: StoreAccess, inputs: Inputs) -> PriorUse:
    """What could not be looked at; raises where the installation has lived before."""
    with open_store(access.target, access.credentials) as session:
        session.require_rights()
        _require_no_hand_off(access, session)
        generated = session.found.facts_in_state("generate")
        cluster = open_cluster(access.proposal.answers)[0] if generated else None
        return session.signs(inputs, cluster)


def fill_store(
    access: StoreAccess, shown: Sequence[StoreItem], inputs: Inputs
) -> tuple[StoreContents, tuple[str, ...]]:
    """Write what was shown and agreed to, and nothing else; what there is now, and notes."""
    with open_store(access.target, access.credentials) as session:
        if _states(session.found.items) != _states(shown):
            raise ConflictError(
                f"{session.found.store.name} has changed since it was shown; nothing was written",
                "f5 looks again",
            )
        _require_no_hand_off(access, session)
        filled = session.fill(inputs)
        contents = _store_contents(session, session.key(filled))
    items = tuple(
        replace(item, state="kept") if item in contents.missing_items else item
        for item in contents.items
    )
    now = replace(contents, items=items, version=filled.version)
    count = len(filled.written)
    what = "1 value" if count == 1 else f"{count} values"
    notes = [f"written: {what}, version {filled.version}"] if count else []
    if filled.theirs:
        names = ", ".join(fact.key for fact in filled.theirs)
        notes.append(f"written by somebody else meanwhile, and kept: {names}")
    return now, tuple(notes)


def _require_no_hand_off(access: StoreAccess, session: StoreSession) -> None:
    """What was handed over in a file is not made once more."""
    generated = tuple(fact.key for fact in session.found.facts_in_state("generate"))
    name = access.proposal.answers.installation.name
    require_no_earlier_hand_off(
        access.workspace.repository, name, generated, session.found.store.name
    )


def _states(items: Sequence[StoreItem]) -> list[tuple[str, str]]:
    return [(item.fact.key, item.source) for item in items]


def read_stored_key(access: StoreAccess) -> KeyPair:
    """The deploy key in the store, with its private half in memory."""
    with open_store(access.target, access.credentials) as session:
        key = session.key()
    if key is None:
        raise WizardError(f"{session.found.store.name} has no {GIT_KEY}", "f5 looks again")
    return key


def read_own_key(
    answers: Answers, folder: Path | None, prompt: Any
) -> tuple[KeyPair, tuple[str, ...]]:
    """A key of one's own, diagnosed: with its private half, and what is set right in it."""
    reference = answers.dags.key
    value = resolve_reference(reference, "dags.key", folder=folder, prompt=prompt, lines=True)
    key = read_private_key(value, f"dags.key ({reference})", key_comment(answers))
    require_recorded_key(key, reference.public)
    return key, list_repairs(value)
