"""Creates what the store lacks of an installation: the engine behind `secrets`.

`survey` looks and decides, `Survey.values` makes and reads values, `filling.fill` writes them at
once. The deploy key's public half follows from what the store holds, so that a run that was killed
after the write finds it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wizard.earlier import Cluster, Signs, in_cluster, in_database
from wizard.errors import ConflictError, WizardError
from wizard.secrets.deploy_key import (
    DeployKey,
    comment_for,
    fingerprint,
    generate,
    kind_for,
    read,
    require_recorded,
)
from wizard.secrets.facts import Fact, Form
from wizard.secrets.filling import Standing, Store, standing
from wizard.secrets.payload import Payload, facts_of

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.backends.postgres import Postgres
    from wizard.proposal import Proposal
    from wizard.sections import Answers

State = Literal["kept", "generate", "given", "others"]
_PASSWORD = "databasePassword"  # noqa: S105 - a key, not a value


@dataclass(frozen=True, slots=True)
class Item:
    """One fact: whether the store has it (`kept`), and where it comes from if not.

    `generate`: made here; `given`: read from its reference; `others`: somebody else puts it there.
    """

    fact: Fact
    state: State

    @property
    def source(self) -> str:
        """The state in words."""
        if self.state == "given":
            return f"from {self.fact.reference}"
        return {"kept": "in the store", "generate": "generated", "others": "left to others"}[
            self.state
        ]


@dataclass
class Inputs:
    """How values that are not made here are had.

    `prompt` asks without echo (None: nobody to ask); file references are relative to `folder`.
    A value is read once, however often it is needed.
    """

    answers: Answers
    folder: Path | None = None
    prompt: Callable[[str], str] | None = None
    _known: dict[str, SecretStr] = field(default_factory=dict, repr=False)

    def value(self, fact: Fact) -> SecretStr:
        """The value that a fact's reference stands for; raises SecretError."""
        from wizard.consent import key_of
        from wizard.secrets.resolve import resolve

        assert fact.reference is not None  # noqa: S101 - generated facts never come here
        if fact.key not in self._known:
            key = key_of(self.answers, fact.reference)
            self._known[fact.key] = resolve(
                fact.reference,
                key,
                folder=self.folder,
                prompt=self.prompt,
                lines=fact.form is Form.SSH_KEY,
            )
        return self._known[fact.key]


@dataclass(frozen=True)
class Survey:
    """What a store has and lacks of one installation; reading it has changed nothing."""

    proposal: Proposal
    store: Store
    seen: Standing
    items: tuple[Item, ...]

    def of(self, *states: State) -> tuple[Fact, ...]:
        """The facts in one of these states."""
        return tuple(item.fact for item in self.items if item.state in states)

    @property
    def lacking(self) -> tuple[Fact, ...]:
        """What this run would write."""
        return self.of("generate", "given")

    def signs(
        self, inputs: Inputs, cluster: Cluster | None, database: Callable[[SecretStr], Postgres]
    ) -> Signs:
        """Signs that this installation has lived before; only looked for where it matters.

        The database counts where the Fernet key lacks, for it holds what that key encrypted; the
        cluster's Secrets count one by one.
        """
        made = self.of("generate")
        if not made:
            return Signs()
        total = self.proposal.rendering.total
        named = [secret for secret in total.secrets if set(secret.facts) & set(made)]
        found = in_cluster(cluster, self.proposal.rendering.release.namespace, named)
        if any(fact.form is Form.FERNET for fact in made):
            found += self._in_database(inputs, database)
        return found

    def _in_database(self, inputs: Inputs, database: Callable[[SecretStr], Postgres]) -> Signs:
        from wizard.secrets.resolve import SecretError

        fact = next((item.fact for item in self.items if item.fact.key == _PASSWORD), None)
        if fact is None:
            return Signs()
        settings = self.proposal.answers.database
        endpoint = f"{settings.host}:{settings.port}"
        try:
            password = _held(self.seen.payload, fact) or inputs.value(fact)
        except SecretError as error:
            if error.available:
                # `values` says so, together with all else that is wrong.
                return Signs()
            return Signs(unknown=(f"the database {endpoint}: its password is not known here",))
        return in_database(database(password), endpoint)

    def values(self, inputs: Inputs) -> dict[Fact, SecretStr]:
        """A value for everything this run would write; raises with all that is wrong at once."""
        from wizard.secrets import generation
        from wizard.secrets.resolve import SecretError

        found: dict[Fact, SecretStr] = {}
        problems: list[SecretError] = []
        for item in self.items:
            fact = item.fact
            try:
                if item.state == "given":
                    found[fact] = self._given(fact, inputs)
                elif item.state == "generate" and fact.form is Form.SSH_KEY:
                    found[fact] = self._new_key().private
                elif item.state == "generate":
                    found[fact] = generation.generate(fact.form)
            except SecretError as error:
                problems.append(error)
        if problems:
            raise WizardError(
                "\n".join(error.message for error in problems),
                "\n".join(dict.fromkeys(error.hint for error in problems if error.hint)),
            )
        return found

    def _given(self, fact: Fact, inputs: Inputs) -> SecretStr:
        value = inputs.value(fact)
        if fact.form is not Form.SSH_KEY:
            return value
        key = read(value, "dags.key", self._comment)
        require_recorded(key, self.proposal.answers.dags.key.public)
        return key.private

    def _new_key(self) -> DeployKey:
        recorded = self.proposal.answers.dags.key.public
        if recorded:
            raise ConflictError(
                f"dags.key.public is {fingerprint(recorded) or 'no public key'}, and "
                f"{self.store.name} has no private key for it",
                "put that private key into the store (gitSshKey), or empty dags.key.public to "
                "have a new one made",
            )
        location = self.proposal.answers.dags.location
        return generate(kind_for(location.host if location else ""), self._comment)

    @property
    def _comment(self) -> str:
        return key_comment(self.proposal.answers)

    def deploy_key(self, payload: Payload) -> DeployKey | None:
        """The deploy key that a payload holds; None without one.

        Raises ConflictError where the answers record another one.
        """
        fact = next((item.fact for item in self.items if item.fact.form is Form.SSH_KEY), None)
        value = _held(payload, fact) if fact else None
        if fact is None or value is None:
            return None
        key = read(value, f"{self.store.name}: {fact.key}", self._comment)
        require_recorded(key, self.proposal.answers.dags.key.public)
        return key


def key_comment(answers: Answers) -> str:
    """The comment of the deploy key's public line: whose it is, and for which repository."""
    location = answers.dags.location
    place = f"{location.host}/{location.path}" if location else ""
    return comment_for(answers.installation.name, place)


def _held(payload: Payload, fact: Fact) -> SecretStr | None:
    from pydantic import SecretStr

    value = payload.get(fact)
    return None if value is None else SecretStr(value)


def survey(proposal: Proposal, store: Store) -> Survey:
    """Read the store and decide about every fact; raises where something there stands in the way.

    A deploy key that is not the recorded one is a conflict before anything else is done.
    """
    facts = facts_of(proposal.rendering.total.secrets)
    seen = standing(store)
    missing = seen.payload.missing(facts)
    items = tuple(Item(fact, _state(fact, missing)) for fact in facts)
    found = Survey(proposal, store, seen, items)
    found.deploy_key(seen.payload)
    return found


def _state(fact: Fact, missing: Iterable[Fact]) -> State:
    if fact not in missing:
        return "kept"
    if fact.generated:
        return "generate"
    return "others" if fact.reference is not None and fact.reference.kind == "store" else "given"


def database_client(proposal: Proposal) -> Callable[[SecretStr], Postgres]:
    """The real client of the metadata database, once its password is known."""

    def client(password: SecretStr) -> Postgres:
        from wizard.backends.postgres import Psycopg, Target

        own = proposal.answers.database
        ca = proposal.rendering.release.assets.get("database.ca.file", "")
        target = Target(own.host, own.port, own.name, own.user, own.sslmode, ca)
        return Psycopg(target, password)

    return client


def names(facts: Sequence[Fact]) -> str:
    """Keys of facts, for sentences; never a value."""
    return ", ".join(fact.key for fact in facts)
