"""The store behind the deploy-key page: read it, fill it, read the user's own key; all blocking.

Uses the steps of `secrets` (wizard.provisioning.steps). Return values hold no secret unless the
docstring says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import ConflictError, RefusedError, WizardError
from wizard.provisioning.items import WRITTEN_STATES
from wizard.provisioning.sealed_file import require_no_earlier_hand_off
from wizard.provisioning.steps import (
    StoreSession,
    StoreTarget,
    open_cluster,
    open_store,
    require_own_clone,
    resolve_store,
)
from wizard.secrets.deploy_key import list_repairs, read_private_key, require_recorded_key
from wizard.secrets.resolve import resolve_reference
from wizard.state.apply_journal import with_remembered_cluster
from wizard.stores.live import live_store

if TYPE_CHECKING:
    from wizard.provisioning.items import StoreItem
    from wizard.provisioning.survey import Inputs
    from wizard.secrets.deploy_key import KeyPair
    from wizard.systems.prior_use import PriorUse
    from wizard.workspace.deploy_keys import GitKey
    from wizard.workspace.proposal import Proposal
    from wizard.workspace.workspace import Workspace

GIT_KEY = "gitSshKey"


@dataclass(frozen=True)
class StoreAccess:
    """Everything needed to contact the store; nothing was sent yet."""

    proposal: Proposal
    branch_answers: Mapping[str, Any]
    target: StoreTarget
    credentials: Any
    workspace: Workspace

    @property
    def place(self) -> str:
        """Endpoint and identity, shown for consent."""
        return f"{self.target.where.endpoint} as {self.credentials.identity}"


@dataclass(frozen=True)
class StoreContents:
    """Existing and missing values of a proposal in the store, without the values themselves.

    `publics` has the public lines of the deploy keys, by their names in the store.
    `denial` is the reason why missing values could not be written. `claim` is the question that a
    payload of unknown owner needs a yes to, with its `seal`. `other_paths` has one line for
    each other path of the installation with missing values, which this page does not fill.
    `notes` are warnings about the store, and what could not be looked up.
    """

    proposal: Proposal
    store: str
    identity: str
    version: str
    items: tuple[StoreItem, ...]
    publics: Mapping[str, str] = field(default_factory=dict)
    denial: WizardError | None = None
    claim: str = ""
    seal: str = ""
    other_paths: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def missing_items(self) -> tuple[StoreItem, ...]:
        """The items that would be generated or read, and written."""
        return tuple(item for item in self.items if item.state in WRITTEN_STATES)

    def state_of(self, key: str) -> str:
        """Return the state of an item; empty if the installation has no such item."""
        return next((item.state for item in self.items if item.fact.key == key), "")

    @property
    def unset_variables(self) -> tuple[str, ...]:
        """The environment variables for missing values that are not set in this process."""
        references = [item.fact.reference for item in self.missing_items if item.state == "given"]
        names = [one.argument for one in references if one is not None and one.kind == "env"]
        return tuple(name for name in dict.fromkeys(names) if name not in os.environ)


def find_operator(store: str) -> str:
    """Return the operator's identity in the store, without the secret; empty without a login."""
    try:
        credentials = live_store(store).find_login()
    except WizardError as error:
        # The check shows the error in full.
        return error.message
    return credentials.identity if credentials else ""


def prepare_access(proposal: Proposal, workspace: Workspace) -> StoreAccess:
    """Return the store and the operator's login there; sends nothing."""
    branch_answers = workspace.target_answers(proposal.existing)
    target = resolve_store(proposal, branch_answers, workspace.repository)
    return StoreAccess(proposal, branch_answers, target, target.login(), workspace)


def read_store(access: StoreAccess) -> StoreContents:
    """Return the contents of the store; also checks the right to write, if needed."""
    with open_store(access.target, access.credentials) as session:
        denial: WizardError | None = None
        note = ""
        try:
            session.found.claim_question  # noqa: B018 - it raises for a payload of others
            if session.found.missing_facts:
                note = "; ".join(
                    filter(None, (require_own_clone([session], {}), session.require_rights()))
                )
        except (ConflictError, RefusedError) as error:
            denial = error
        return _store_contents(session, session.keys(), denial, note)


def _other_path_lines(session: StoreSession) -> Iterator[str]:
    """Yield the missing values of other paths, such as Argo CD's, one line per path."""
    try:
        others = session.open_all_paths()[1:]
    except WizardError as error:
        yield f"not checked: {error.message}"
        return
    for other in others:
        if other.found.missing_facts:
            missing = ", ".join(fact.key for fact in other.found.missing_facts)
            yield f"{other.found.store.name}: missing {missing}"


def _store_contents(
    session: StoreSession,
    keys: Mapping[str, KeyPair],
    denial: WizardError | None = None,
    note: str = "",
) -> StoreContents:
    survey = session.found
    question = "" if denial else survey.claim_question
    return StoreContents(
        session.proposal,
        survey.store.name,
        session.store.identity,
        survey.store.show_version(survey.seen.version),
        survey.items,
        {name: key.public for name, key in keys.items()},
        denial,
        question,
        survey.claim.seal,
        tuple(_other_path_lines(session)),
        (*session.warnings, *filter(None, [note])),
    )


def find_prior_use(access: StoreAccess, inputs: Inputs) -> PriorUse:
    """Return the systems that could not be checked; raises if the installation ran before."""
    with open_store(access.target, access.credentials) as session:
        session.require_rights()
        _require_no_hand_off(access, session)
        generated = session.found.facts_in_state("generate")
        answers, repository = access.proposal.answers, access.workspace.repository
        known = with_remembered_cluster(answers, repository, answers.installation.name)
        cluster = open_cluster(known)[0] if generated else None
        return session.signs(inputs, cluster)


def fill_store(
    access: StoreAccess, shown: StoreContents, inputs: Inputs
) -> tuple[StoreContents, tuple[str, ...]]:
    """Write exactly the confirmed items of `shown`; return the new contents, and notes."""
    with open_store(access.target, access.credentials) as session:
        if _states(session.found.items) != _states(shown.items):
            raise ConflictError(
                f"{session.found.store.name} has changed since it was shown; nothing was written",
                "press f5 to check again",
            )
        require_own_clone([session], {})
        _require_no_hand_off(access, session)
        filled = session.fill(inputs, shown.seal)
        made = session.compose(filled)
        contents = _store_contents(session, session.keys(filled))
    items = tuple(
        replace(item, state="kept") if item in contents.missing_items else item
        for item in contents.items
    )
    version = session.found.store.show_version(filled.version)
    now = replace(contents, items=items, version=version, claim="", seal="")
    count = len(filled.written)
    what = "1 value" if count == 1 else f"{count} values"
    notes = [", ".join(filter(None, (f"written: {what}", version)))] if count else []
    if filled.theirs:
        names = ", ".join(fact.key for fact in filled.theirs)
        notes.append(f"written by somebody else meanwhile and kept: {names}")
    notes += [f"made {len(made)} Secrets"] if made else []
    return now, tuple(notes)


def _require_no_hand_off(access: StoreAccess, session: StoreSession) -> None:
    """Raise if an earlier hand-off file holds values that would be generated again."""
    generated = tuple(fact.key for fact in session.found.facts_in_state("generate"))
    name = access.proposal.answers.installation.name
    require_no_earlier_hand_off(
        access.workspace.repository, name, generated, session.found.store.name
    )


def _states(items: Sequence[StoreItem]) -> list[tuple[str, str]]:
    return [(item.fact.key, item.source) for item in items]


def read_stored_key(access: StoreAccess, about: GitKey) -> KeyPair:
    """Return a deploy key from the store; the result holds the private key."""
    with open_store(access.target, access.credentials) as session:
        key = session.keys().get(about.fact)
    if key is None:
        name = session.found.store.name
        raise WizardError(f"{name} has no {about.fact}", "press f5 to check again")
    return key


def read_own_key(
    about: GitKey, folder: Path | None, prompt: Any
) -> tuple[KeyPair, tuple[str, ...]]:
    """Return the user's own key, which holds the private key, and the repairs it needs."""
    reference = about.answer
    value = resolve_reference(reference, about.name, folder=folder, prompt=prompt, lines=True)
    key = read_private_key(value, f"{about.name} ({reference})", about.comment, about.question)
    require_recorded_key(key, reference.public, about.name, about.question)
    return key, list_repairs(value)
