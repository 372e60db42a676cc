"""Vault's side of an installation, in its order: mount, policy, auth mount, role, login.

Each step reads first and writes only what is not there. What this machine may not do, or nobody is
logged in for, is left to Vault's owner and proven by the store's login.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from wizard.actions import Action, Look
from wizard.applying.vault_auth import AuthMount
from wizard.applying.vault_engine import Engine, Policy
from wizard.applying.vault_login import Login
from wizard.applying.vault_role import Role
from wizard.applying.vault_session import Session, left
from wizard.probes import blocking

if TYPE_CHECKING:
    from wizard.applying.target import Target

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
    login = Login(target, session, mount, role)

    def step(name: str, title: str, one: _Step) -> Action:
        look = blocking(_known(target, one.look, one.command))
        change, rehearse = blocking(one.change), blocking(one.rehearse)
        return Action(name, title, "vault", session.endpoint, look, change, rehearse)

    return (
        step("vault.mount", f"Mount KV version 2 at {store.mount}", Engine(target, session)),
        step("vault.policy", f"Write policy {store.policy}", Policy(target, session)),
        step("vault.auth", f"Set up auth mount {store.auth_mount}", mount),
        step("vault.role", f"Write role {store.role} at {store.auth_mount}", role),
        Action(
            "vault.login",
            f"Log in as {store.account_namespace}/{store.service_account}",
            "me",
            session.endpoint,
            blocking(login.look),
            patience=_LOGIN_SECONDS,
            interval=_PAUSE,
        ),
    )


def _known(target: Target, look: Callable[[], Look], command: str) -> Callable[[], Look]:
    """The look, once something says who this machine is to Vault."""
    if target.vault is not None:
        return look
    return lambda: left("nothing says who this machine is to Vault", command)
