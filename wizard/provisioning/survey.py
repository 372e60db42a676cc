"""Create the missing values of an installation in the store: the engine behind `secrets`.

`survey_store` reads the store and decides, `Survey.values` generates and reads values, and
`fill_store` writes them in one request. The deploy key's public half is derived from the stored
key, so the next run finds it again if this run is killed after the write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard.clients.postgres.client import PostgresTarget, PsycopgClient
from wizard.errors import ConflictError, Fix, RefusedError, WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.provisioning.earlier_places import search_earlier_places
from wizard.provisioning.items import WRITTEN_STATES, ItemState, StoreItem
from wizard.secrets import generation
from wizard.secrets.adoption import AdoptedValue, find_adoptable_value
from wizard.secrets.deploy_key import (
    KeyPair,
    choose_kind,
    fingerprint,
    generate_key_pair,
    read_private_key,
    require_recorded_key,
)
from wizard.secrets.facts import Fact, Form
from wizard.secrets.payload import Payload
from wizard.secrets.resolve import SecretError, resolve_reference
from wizard.systems.payload_store import (
    Claim,
    EarlierValues,
    HiddenPlace,
    PayloadStore,
    StoreState,
    find_earlier_values,
    read_state,
)
from wizard.systems.prior_use import PriorUse, SecretLookup, find_cluster_use, find_database_use
from wizard.workspace.consent import EXTRA_KEY, reference_key
from wizard.workspace.deploy_keys import GitKey, find_git_key, git_key, list_git_keys
from wizard.workspace.store_paths import StorePath, list_store_paths

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.postgres.client import PostgresClient
    from wizard.workspace.proposal import Proposal

_EXTRA_FIX = Fix(
    "give the source of each value in secrets.extra, such as values: {KEY: {env: NAME}}",
    "secrets.extra",
)
_PASSWORD = "databasePassword"  # noqa: S105 - a key, not a value


@dataclass
class Inputs:
    """The source of values that are not generated here.

    `prompt` reads a value without echo (None: no terminal); file references are relative to
    `folder`. Each value is read once.
    """

    answers: Answers
    folder: Path | None = None
    prompt: Callable[[str], str] | None = None
    _known: dict[str, SecretStr] = field(default_factory=dict, repr=False)

    def value(self, fact: Fact) -> SecretStr:
        """Return the value of a fact's reference. Raises SecretError if it has none."""
        assert fact.reference is not None  # noqa: S101 - generated facts never come here
        if fact.key not in self._known:
            key = reference_key(self.answers, fact.reference)
            self._known[fact.key] = resolve_reference(
                fact.reference,
                key,
                folder=self.folder,
                prompt=self.prompt,
                lines=fact.form in (Form.SSH_KEY, Form.TEXT),
                fix=_EXTRA_FIX if key.startswith(EXTRA_KEY) else None,
            )
        return self._known[fact.key]


@dataclass(frozen=True)
class Survey:
    """The existing and missing values of one path in the store; read-only."""

    proposal: Proposal
    path: StorePath
    store: PayloadStore
    seen: StoreState
    items: tuple[StoreItem, ...]
    claim: Claim
    earlier: EarlierValues = field(default_factory=EarlierValues)
    adopted: Mapping[Fact, AdoptedValue] = field(default_factory=dict, repr=False)
    doubts: tuple[str, ...] = ()

    def facts_in_state(self, *states: ItemState) -> tuple[Fact, ...]:
        """Return the facts in one of these states."""
        return tuple(item.fact for item in self.items if item.state in states)

    @property
    def missing_facts(self) -> tuple[Fact, ...]:
        """The facts that this run would write."""
        return self.facts_in_state(*WRITTEN_STATES)

    @property
    def restore_question(self) -> str:
        """The question before older values are restored; empty if there are none."""
        keys = join_fact_keys(self.facts_in_state("restore"))
        if not keys:
            return ""
        return (
            f"version {self.seen.version} of {self.store.name} lacks {keys}, which older versions "
            "have: restore these values?"
        )

    @property
    def claim_question(self) -> str:
        """The question before a payload is filled whose owner is unknown; empty if there is none.

        Raises RefusedError for a payload of another installation or repository, also if it has
        every key: its values must not be taken for this installation's.
        """
        owner, seen = self.claim.owner, self.seen
        if owner.is_ours:
            return ""
        what = f"{self.store.name} {escape_unprintable(owner.reason)}"
        if not self.claim.seal:
            raise RefusedError(f"{what}; nothing was written", self.claim.fix)
        if not self.missing_facts:
            return ""
        held = ", ".join(escape_unprintable(one) for one in sorted(seen.payload.list_names()))
        version = self.store.show_version(seen.version)
        return (
            f"{what}; {f'its {version}' if version else 'it'} has {held or 'no key'}: add "
            f"{join_fact_keys(self.missing_facts)} as this installation's?"
        )

    def earlier_value(self, fact: Fact) -> str | None:
        """Return the value of a missing fact in an older version; None if there is none."""
        held = self.earlier.found.get(fact)
        return held[1] if held else None

    def adopted_value(self, fact: Fact) -> str | None:
        """Return the value of a missing fact in another layout or place; None if there is none."""
        held = self.adopted.get(fact)
        return held.value.get_secret_value() if held else None

    def signs(
        self,
        inputs: Inputs,
        cluster: SecretLookup | None,
        database: Callable[[SecretStr], PostgresClient],
    ) -> PriorUse:
        """Return evidence that this installation ran before, for values to generate.

        Doubts about earlier places also count for values that were found in one. The database is
        checked when the Fernet key is missing, because the database holds data encrypted with it;
        the cluster's Secrets are checked one by one.
        """
        generated = self.facts_in_state("generate")
        found = PriorUse(unknown=self.doubts, doubts=self.doubts)
        if not generated:
            return found
        if self.earlier.unread:
            numbers = ", ".join(str(one) for one in self.earlier.unread)
            hidden = f"{self.store.name}: version {numbers} is deleted or not readable"
            found += PriorUse(unknown=(hidden,), doubts=(hidden,))
        if self.path.is_other_cluster:
            return found + PriorUse(
                unknown=("Argo CD's cluster: it is not the cluster of Airflow",)
            )
        named = [secret for secret in self.path.secrets if set(secret.facts) & set(generated)]
        found += find_cluster_use(cluster, self.path.namespace, named)
        if any(fact.form is Form.FERNET for fact in generated):
            found += self._in_database(inputs, database)
        return found

    def _in_database(
        self, inputs: Inputs, database: Callable[[SecretStr], PostgresClient]
    ) -> PriorUse:
        fact = next((item.fact for item in self.items if item.fact.key == _PASSWORD), None)
        if fact is None:
            return PriorUse()
        settings = self.proposal.answers.database
        endpoint = f"{settings.host}:{settings.port}"
        try:
            held = self.adopted.get(fact)
            known = _read_secret(self.seen.payload, fact) or (held and held.value)
            if known is None and fact.reference is None:
                # A database in the namespace: its password is generated now, so nobody has one.
                return PriorUse()
            password = known or inputs.value(fact)
        except SecretError as error:
            if error.available:
                # `values` raises this error together with all others.
                return PriorUse()
            return PriorUse(unknown=(f"the database {endpoint}: password not known here",))
        return find_database_use(database(password), endpoint)

    def values(self, inputs: Inputs) -> dict[Fact, SecretStr]:
        """Return a value for each fact to write; raises one error with all problems."""
        found: dict[Fact, SecretStr] = {}
        problems: list[SecretError] = []
        for item in self.items:
            fact = item.fact
            try:
                if item.state == "given":
                    found[fact] = self._given(fact, inputs.value(fact))
                    _require_value(self.proposal.answers, fact, found[fact])
                elif item.state == "adopt":
                    found[fact] = self._given(fact, self.adopted[fact].value)
                elif item.state == "restore":
                    found[fact] = SecretStr(self.earlier.found[fact][1])
                elif item.state == "generate" and fact.form is Form.SSH_KEY:
                    found[fact] = self._new_key(fact).private
                elif item.state == "generate":
                    found[fact] = generation.generate_value(fact.form)
            except SecretError as error:
                problems.append(error)
        if problems:
            raise WizardError(
                "\n".join(error.message for error in problems),
                "\n".join(dict.fromkeys(error.hint for error in problems if error.hint)),
            )
        return found

    def _given(self, fact: Fact, value: SecretStr) -> SecretStr:
        """Return a given value as it is stored; raises WizardError for a wrong key."""
        if fact.form is Form.TEXT:
            # One line of a file ends with a line break, which is not part of a password.
            text = value.get_secret_value()
            return value if "\n" in text[:-1] else SecretStr(text.removesuffix("\n"))
        if fact.form is not Form.SSH_KEY:
            return value
        about = git_key(self.proposal.answers, fact.key)
        key = read_private_key(value, about.name, about.comment, about.question)
        require_recorded_key(key, about.public, about.name, about.question)
        return key.private

    def _new_key(self, fact: Fact) -> KeyPair:
        about = git_key(self.proposal.answers, fact.key)
        if about.public:
            raise ConflictError(
                f"{about.name}.public is {fingerprint(about.public) or 'not a public key'}, "
                f"and {self.store.name} has no private key for it",
                Fix(
                    f"put that private key into the store ({about.fact}), or clear "
                    f"{about.name}.public to generate a new key",
                    about.question,
                ),
            )
        return generate_key_pair(choose_kind(about.location.host), about.comment)

    @property
    def git_key(self) -> GitKey | None:
        """The deploy key of this path as described by the answers; None without one."""
        return find_git_key(self.proposal.answers, (item.fact for item in self.items))

    def deploy_key(self, payload: Payload) -> KeyPair | None:
        """Return the deploy key of `git_key` in a payload; None without one.

        Raises ConflictError when the answers record a different key, for any deploy key.
        """
        own = self.git_key
        found = {about.fact: key for about, key in self.deploy_keys(payload)}
        return found.get(own.fact) if own else None

    def deploy_keys(
        self, payload: Payload, abouts: Iterable[GitKey] | None = None
    ) -> list[tuple[GitKey, KeyPair]]:
        """Return these deploy keys, if the payload has them; by default those of `list_git_keys`.

        Raises ConflictError when the answers record a different key.
        """
        facts = {item.fact.key: item.fact for item in self.items}
        found = []
        if abouts is None:
            abouts = list_git_keys(self.proposal.answers) if facts else ()
        for about in abouts:
            fact = facts.get(about.fact)
            value = _read_secret(payload, fact) if fact else None
            if fact is None or value is None:
                continue
            name = f"{self.store.name}: {fact.key}"
            key = read_private_key(value, name, about.comment, about.question)
            require_recorded_key(key, about.public, about.name, about.question)
            found.append((about, key))
        return found


def _require_value(answers: Answers, fact: Fact, value: SecretStr) -> None:
    """Raise SecretError if a given value cannot work."""
    problem = generation.find_value_problem(fact, value.get_secret_value())
    if problem and fact.reference is not None:
        key = reference_key(answers, fact.reference)
        raise SecretError(f"{key}: the value {problem}", Fix("correct the value", key))


def _read_secret(payload: Payload, fact: Fact) -> SecretStr | None:
    value = payload.get(fact)
    return None if value is None else SecretStr(value)


def survey_store(
    proposal: Proposal,
    store: PayloadStore,
    path: StorePath | None = None,
    places: Sequence[PayloadStore | HiddenPlace] = (),
) -> Survey:
    """Read the store and decide about every fact; writes nothing.

    `path` defaults to the installation's own, and `places` are where earlier answers had it. A
    generated value that an older version or an earlier place has is never generated again. Raises
    ConflictError when the stored deploy key is not the recorded one, and RefusedError when the
    newest version was deleted, or will be.
    """
    path = path or list_store_paths(proposal)[0]
    seen = read_state(store)
    if seen.expires:
        raise RefusedError(
            f"{store.name}: version {seen.version} will be deleted at {seen.expires}; nothing was "
            "changed",
            "ask the store's owner to switch delete_version_after off, then to keep this version: "
            f"vault kv undelete -mount={path.store.mount} -versions={seen.version} "
            f"{path.store.path}",
        )
    missing = seen.payload.missing(path.facts)
    earlier = find_earlier_values(store, seen, [fact for fact in missing if fact.generated])
    user = proposal.answers.database.user
    adopted = {
        fact: held._replace(place=f"{held.place} of the store")
        for fact in missing
        if fact not in earlier.found
        and (held := find_adoptable_value(seen.payload, fact, user)) is not None
    }
    known = {*earlier.found, *adopted}
    left = [fact for fact in missing if fact.generated and fact not in known]
    elsewhere = search_earlier_places(places, left, user)
    adopted |= elsewhere.found
    items = tuple(_decide(fact, missing, earlier, adopted) for fact in path.facts)
    claim = store.judge(seen.version)
    found = Survey(proposal, path, store, seen, items, claim, earlier, adopted, elsewhere.doubts)
    found.deploy_key(seen.payload)
    return found


def _decide(
    fact: Fact,
    missing: Iterable[Fact],
    earlier: EarlierValues,
    adopted: Mapping[Fact, AdoptedValue],
) -> StoreItem:
    if fact in earlier.found:
        return StoreItem(fact, "restore", earlier.found[fact][0])
    if fact in adopted:
        return StoreItem(fact, "adopt", place=adopted[fact].place)
    return StoreItem(fact, _state(fact, missing))


def _state(fact: Fact, missing: Iterable[Fact]) -> ItemState:
    if fact not in missing:
        return "kept"
    if fact.generated:
        return "generate"
    return "others" if fact.reference is not None and fact.reference.kind == "store" else "given"


def make_database_client(proposal: Proposal) -> Callable[[SecretStr], PostgresClient]:
    """Return a function that takes the password and returns a metadata database client."""

    def client(password: SecretStr) -> PostgresClient:
        own = proposal.answers.database
        ca = proposal.rendering.release.assets.get("database.ca.file", "")
        target = PostgresTarget(own.host, own.port, own.name, own.user, own.sslmode, ca)
        return PsycopgClient(target, password)

    return client


def join_fact_keys(facts: Sequence[Fact]) -> str:
    """Return the keys of facts, separated by commas; never a value."""
    return ", ".join(fact.key for fact in facts)
