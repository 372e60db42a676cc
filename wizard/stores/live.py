"""What a store does outside, loaded on demand: login, steps, removal, probes, handover.

What it contributes without looking anywhere is in `wizard.stores.record`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
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
    from wizard.manifests.external_secrets import StoreSettings
    from wizard.manifests.release import Release
    from wizard.plan.render import Rendering
    from wizard.systems.cluster.probes import ClusterCheck
    from wizard.systems.payload_store import PayloadStore
    from wizard.systems.situation import Situation
    from wizard.systems.store_login import StoreLogin
    from wizard.systems.target import DataKind, Target


class StoreRun(Protocol):
    """What `apply`, `apply --undo` and `destroy` do at the store, by one login for all of it."""

    @property
    def login(self) -> StoreLogin:
        """The run's login, for what other systems ask of the store."""

    def build_steps(self) -> tuple[Step, ...]:
        """Return what makes the store work, in its order."""

    def build_removal(self) -> tuple[Step, ...]:
        """Return what takes that back, the payload and its place apart."""

    def build_payload_removal(
        self, pieces: Collection[DataKind], own: Mapping[str, frozenset[str]]
    ) -> tuple[Step, ...]:
        """Return what becomes of the payload; `own` are our keys of each path, by its reader."""

    def build_final_removal(self) -> tuple[Step, ...]:
        """Return what goes last of all, once it is empty."""


class OpenStore(Protocol):
    """A store that somebody is logged in to, to be filled."""

    @property
    def identity(self) -> str:
        """Who is logged in, for people."""

    def payload_store(self, settings: StoreSettings) -> PayloadStore:
        """Return one path as a place for a payload."""

    def require_rights(self, settings: StoreSettings, *, exists: bool) -> None:
        """Raise RefusedError unless the login may write there; `exists`: the path has a value."""


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """Where a store is for this machine; nothing was sent there yet.

    `source` says what named it. `required_consent` is what needs a yes before a login is sent, by
    its key. `find_login` returns who the operator is there, or None; `login_hint` says how to tell.
    `open` logs in, and revokes a login made here at the end.
    """

    title: str
    endpoint: str
    source: str
    required_consent: Mapping[str, str]
    find_login: Callable[[], Any | None]
    login_hint: str
    open: Callable[[Any], AbstractContextManager[OpenStore]]


@dataclass(frozen=True, slots=True)
class StoreHandover:
    """What the store's owner, the platform and CI are handed.

    `files` are texts by name for the store's owner; `platform` more for the platform's. `flows`
    are rows of from, to, port, protocol and purpose. `ci_variables` are lines of help, `ci_login`
    the shell function `store_login` that checks for a login.
    """

    files: Files = field(default_factory=dict)
    platform: Files = field(default_factory=dict)
    flows: tuple[tuple[str, str, str, str, str], ...] = ()
    ci_variables: tuple[str, ...] = ()
    ci_login: str = ""


@dataclass(frozen=True, slots=True)
class LiveStore:
    """One store's live part; the defaults are those of a store that nobody logs in to.

    `find_access` returns who this machine is to the store (None: nobody), and sends nothing;
    `missing_access` says whose work the store then is. `token_source` makes tokens of the store's
    ServiceAccount for tries of its login. `cluster_checks` are judged beside the cluster's own.
    `locate` gets the raw answers on the target branch; None where `secrets` fills nothing.
    """

    find_access: Callable[[Answers, Release], Any | None] = field(default=lambda *_: None)
    missing_access: str = ""
    open_run: Callable[[Target], StoreRun | None] = field(default=lambda _target: None)
    probes: Callable[[Situation], Iterable[Probe]] = field(default=lambda _situation: ())
    cluster_checks: Callable[[Kube, Answers, Release], Iterable[ClusterCheck]] = field(
        default=lambda *_: ()
    )
    token_source: Callable[[Kube, Answers, Release], Callable[[], SecretStr] | None] = field(
        default=lambda *_: None
    )
    locate: Callable[[Answers, Release, Mapping[str, Any]], StoreLocation] | None = None
    handover: Callable[[Answers, Rendering, Mapping[str, str]], StoreHandover] = field(
        default=lambda *_: StoreHandover()
    )


@cache
def live_store(name: str) -> LiveStore:
    """Return the live part of the store that `secrets.store` names; KeyError if unknown."""
    live: LiveStore = import_module(f"{STORES[name]}.live").LIVE
    return live
