"""Vault's side of an installation, in its order: mount, policy, auth mount, role, login.

Each step reads first and writes only what is not there. What this machine may not do, or nobody is
logged in for, is left to Vault's owner and proven by the store's login.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from wizard.engine.actions import Action, Look
from wizard.engine.probes import blocking
from wizard.systems.vault.auth_mount import AuthMount, OtherMount
from wizard.systems.vault.engine import Engine, Policy
from wizard.systems.vault.login import Login
from wizard.systems.vault.role import Role
from wizard.systems.vault.session import Session, left
from wizard.workspace.store_paths import stores

if TYPE_CHECKING:
    from wizard.manifests.external_secrets import StoreSettings
    from wizard.systems.target import Target

# Rights given a moment ago may take the API server a moment to know.
_LOGIN_SECONDS, _PAUSE = 10.0, 0.5


class _Step(Protocol):
    @property
    def command(self) -> str: ...
    def look(self) -> Look: ...
    def change(self) -> str: ...
    def rehearse(self) -> str: ...


def actions(target: Target, session: Session | None = None) -> tuple[Action, ...]:
    """What makes the store work; nothing is sent before the first action looks.

    `session` is this run's login, where more than these actions use it.
    """
    session = session or Session(target)
    store = session.store
    mount = AuthMount(target, session)
    role = Role(target, session, mount)

    def step(name: str, title: str, one: _Step) -> Action:
        return _step(target, session, name, title, one)

    return (
        step("vault.mount", f"Mount KV version 2 at {store.mount}", Engine(target, session)),
        step("vault.policy", f"Write policy {store.policy}", Policy(target, session)),
        step("vault.auth", f"Set up auth mount {store.auth_mount}", mount),
        step("vault.role", f"Write role {store.role} at {store.auth_mount}", role),
        _login(session, store, Login(target, session, mount, role)),
        *(
            one
            for other in stores(target.answers, target.release)[1:]
            for one in _reader(target, session, mount, other)
        ),
    )


def _reader(
    target: Target, session: Session, own: AuthMount, store: StoreSettings
) -> tuple[Action, ...]:
    """What somebody else than Airflow needs to read a path of theirs."""
    same = store.auth_mount == session.store.auth_mount
    mount = own if same else OtherMount(target, session, store.auth_mount)
    role = Role(target, session, mount, store)
    policy = Policy(target, session, store)
    title = f"Write role {store.role} at {store.auth_mount}"
    return (
        _step(
            target,
            session,
            f"vault.{store.part('policy')}",
            f"Write policy {store.policy}",
            policy,
        ),
        _step(target, session, f"vault.{store.part('role')}", title, role),
        _login(session, store, Login(target, session, mount, role, store)),
    )


def _step(target: Target, session: Session, name: str, title: str, one: _Step) -> Action:
    look = blocking(_known(target, one.look, one.command))
    change, rehearse = blocking(one.change), blocking(one.rehearse)
    return Action(name, title, "vault", session.endpoint, look, change, rehearse)


def _login(session: Session, store: StoreSettings, one: Login) -> Action:
    return Action(
        f"vault.{store.part('login')}",
        f"Log in as {store.account_namespace}/{store.service_account}",
        "me",
        session.endpoint,
        blocking(one.look),
        patience=_LOGIN_SECONDS,
        interval=_PAUSE,
    )


def _known(target: Target, look: Callable[[], Look], command: str) -> Callable[[], Look]:
    """The look, once something says who this machine is to Vault."""
    if target.vault is not None:
        return look
    return lambda: left("nothing says who this machine is to Vault", command)
