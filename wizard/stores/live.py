"""The live part of a store, loaded on demand: login, steps, removal, probes, handover.

Its pure part is described in `wizard.stores.record`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from wizard.stores.registry import STORES

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.engine.probes import Probe
    from wizard.engine.steps import Step
    from wizard.formats.shell import Files
    from wizard.git.repository import WorkTree
    from wizard.manifests.release import Release
    from wizard.plan.render import Rendering
    from wizard.secrets.facts import Fact, SecretSpec
    from wizard.secrets.payload import Payload, PayloadPlace
    from wizard.systems.cluster.probes import ClusterCheck
    from wizard.systems.payload_store import HiddenPlace, PayloadStore
    from wizard.systems.situation import Situation
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import DataKind, Target

    # Where earlier answers had the payload of each reader, by the reader's id.
    EarlierPaths = Mapping[str, Sequence[PayloadPlace | HiddenPlace]]


@dataclass(frozen=True, slots=True)
class HandoverSources:
    """What the scripts of the handover are made of, besides the answers.

    `committed` holds the committed files by logical id, `earlier` the places where earlier answers
    had the payloads, and `known` the identities of the systems that earlier runs used.
    """

    committed: Mapping[str, str]
    earlier: EarlierPaths = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)


class StoreRun(Protocol):
    """The steps of `apply`, `apply --undo` and `destroy` at the store, with one shared login."""

    @property
    def login(self) -> StoreLogin | None:
        """Return the run's login, which other systems use for requests to the store; or None."""

    def build_steps(self) -> tuple[Step, ...]:
        """Return the steps that set up the store, in order."""

    def build_payload_looks(self, facts: Mapping[str, Sequence[Fact]]) -> tuple[Step, ...]:
        """Return the steps without a change that look whether the store has all values.

        `facts` maps the reader of each path to the facts that it needs there. Their ids are those
        of the steps that fill the store, and no step is that of `build_steps`.
        """

    def build_identity_proof(self) -> tuple[Step, ...]:
        """Return the steps that prove, before a removal, that this is the installation's store."""

    def build_removal(self) -> tuple[Step, ...]:
        """Return the steps that undo the set-up, except for the payload and its mount."""

    def build_payload_removal(
        self, pieces: Collection[DataKind], own: Mapping[str, frozenset[str]]
    ) -> tuple[Step, ...]:
        """Return the steps for the payload.

        `own` maps the reader of each path to the payload keys that the installation owns.
        """

    def build_final_removal(self) -> tuple[Step, ...]:
        """Return the steps that run last, such as deleting an empty mount."""


class OpenStore(Protocol):
    """A store with a login that can fill it."""

    @property
    def identity(self) -> str:
        """Return the name of the logged-in identity, for messages."""

    def payload_store(self, settings: PayloadPlace, keys: Sequence[str] = ()) -> PayloadStore:
        """Return the payload store at the path of `settings`.

        `keys` are those that the installation uses there: a store with a secret for each key looks
        for these.
        """

    def require_lasting(self, settings: PayloadPlace) -> tuple[str, ...]:
        """Return warnings about the path; raise RefusedError if the store deletes what it holds."""

    def require_rights(self, settings: PayloadPlace, *, exists: bool) -> str:
        """Raise RefusedError if the login may not write; `exists`: the path has a value.

        Returns a note about what could not be looked up, usually empty.
        """


@dataclass(frozen=True, slots=True)
class Composition:
    """What is to be done so that the Secrets hold the values of a payload.

    `lines` name each Secret and its keys, never a value, and `notes` what stays as it is. With a
    `question`, an object of an unknown owner is changed: it needs a yes, whose name is `seal`.
    """

    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    question: str = ""
    seal: str = ""


class Composer(Protocol):
    """Makes the Secrets of an installation from the values of its payload."""

    def look(self, payload: Payload) -> Composition:
        """Return what is to be done; values that the payload lacks are written by this run.

        Raises RefusedError for a Secret of others that may not be changed.
        """

    def compose(self, payload: Payload, agreed: str = "") -> tuple[str, ...]:
        """Create the missing Secrets and keys, and return what was done, a line each.

        `agreed` is the seal of a yes. Raises ConflictError if others change them at the same time.
        """


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """The address of a store for this machine, before anything is sent to it.

    `source` is where the address comes from. `required_consent` holds the questions, by key, that
    the user must answer with yes before a login is sent. `find_login` returns the credentials on
    this machine, or None; `login_hint` says how to set them. `open` logs in, and revokes its own
    login at the end. Without `is_server`, the values are on this machine and nothing is sent.
    """

    title: str
    endpoint: str
    source: str
    required_consent: Mapping[str, str]
    find_login: Callable[[], Any | None]
    login_hint: str
    open: Callable[[Any], AbstractContextManager[OpenStore]]
    is_server: bool = True

    @property
    def question(self) -> str:
        """Return the question before the store is looked at."""
        if self.is_server:
            return f"Connect to {self.title} at {self.endpoint}?"
        return f"Read the values in {self.endpoint} with {self.title}?"

    @property
    def progress(self) -> str:
        """Return what is done meanwhile."""
        if self.is_server:
            return f"asking {self.title} at {self.endpoint}"
        return f"reading the values in {self.endpoint}"


@dataclass(frozen=True, slots=True)
class StoreHandover:
    """A store's part of the handover to the store's owner, the platform's owner and CI.

    `files` are texts by name for the store's owner, `platform` those for the platform's owner.
    `flows` are rows of from, to, port, protocol and purpose. `ci_variables` are lines of help.
    `ci_login` is the shell function `store_login`, which checks for a login.
    """

    files: Files = field(default_factory=dict)
    platform: Files = field(default_factory=dict)
    flows: tuple[tuple[str, str, str, str, str], ...] = ()
    ci_variables: tuple[str, ...] = ()
    ci_login: str = ""


@dataclass(frozen=True, slots=True)
class LiveStore:
    """The live part of one store; the defaults suit a store without a login.

    `find_access` returns this machine's address and credentials for the store with their
    `identity` in words, or None; it sends nothing. `missing_access` is the message without
    credentials. `find_login` returns this machine's credentials alone, with their `identity`, and
    `login_hint` says how to set them. `token_source` creates tokens of
    the store's ServiceAccount, to test its login. `cluster_checks` run with those of the cluster.
    `locate` gets the raw answers on the target branch, the repository, whose history has the
    earlier ones, and the kubeconfig context that the user named; None if `secrets` cannot fill the
    store. `open_composer` returns what makes the Secrets from the values of a payload; None if
    something in the cluster does that, such as External Secrets.
    """

    find_access: Callable[[Answers, Release], Any | None] = field(default=lambda *_: None)
    missing_access: str = ""
    find_login: Callable[[], Any | None] = field(default=lambda: None)
    login_hint: str = ""
    open_run: Callable[[Target], StoreRun | None] = field(default=lambda _target: None)
    probes: Callable[[Situation], Iterable[Probe]] = field(default=lambda _situation: ())
    cluster_checks: Callable[[Kube, Answers, Release], Iterable[ClusterCheck]] = field(
        default=lambda *_: ()
    )
    token_source: Callable[[Kube, Answers, Release], Callable[[], SecretStr] | None] = field(
        default=lambda *_: None
    )
    locate: Callable[[Answers, Release, Mapping[str, Any], WorkTree, str], StoreLocation] | None = (
        None
    )
    open_composer: Callable[[OpenStore, Release, Sequence[SecretSpec]], Composer] | None = None
    handover: Callable[[Answers, Rendering, HandoverSources], StoreHandover] = field(
        default=lambda *_: StoreHandover()
    )


@cache
def live_store(name: str) -> LiveStore:
    """Return the live part of the store that `secrets.store` names; KeyError if unknown."""
    live: LiveStore = import_module(f"{STORES[name]}.live").LIVE
    return live
