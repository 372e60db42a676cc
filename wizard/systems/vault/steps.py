"""Vault's side of an installation, in its order: mount, policy, auth mount, role, login.

Each step reads first and writes only what is not there. What this machine may not do, or nobody is
logged in for, is left to Vault's owner and proven by the store's login.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.systems.vault.auth_mount import AuthMount, ForeignAuthMount
from wizard.systems.vault.engine import KvMount, Policy
from wizard.systems.vault.login import StoreLogin
from wizard.systems.vault.role import Role
from wizard.systems.vault.session import VaultLogin, leave_to_vault_owner
from wizard.workspace.store_paths import list_store_settings

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target

# Rights given a moment ago may take the API server a moment to know.
_LOGIN_SECONDS, _PAUSE = 10.0, 0.5


class _StepWork(Protocol):
    @property
    def command(self) -> str: ...
    def look(self) -> StepStatus: ...
    def change(self) -> str: ...
    def dry_run_change(self) -> str: ...


def build_vault_steps(target: Target, session: VaultLogin | None = None) -> tuple[Step, ...]:
    """What makes the store work; nothing is sent before the first action looks.

    `session` is this run's login, where more than these actions use it.
    """
    session = session or VaultLogin(target)
    store = session.store
    mount = AuthMount(target, session)
    role = Role(target, session, mount)

    def step(name: str, title: str, one: _StepWork) -> Step:
        return _build_step(target, session, name, title, one)

    return (
        step("vault.mount", f"Mount KV version 2 at {store.mount}", KvMount(target, session)),
        step("vault.policy", f"Write policy {store.policy}", Policy(target, session)),
        step("vault.auth", f"Set up auth mount {store.auth_mount}", mount),
        step("vault.role", f"Write role {store.role} at {store.auth_mount}", role),
        _build_login_step(session, store, StoreLogin(target, session, mount, role)),
        *(
            one
            for other in list_store_settings(target.answers, target.release)[1:]
            for one in _build_reader_steps(target, session, mount, other)
        ),
    )


def _build_reader_steps(
    target: Target, session: VaultLogin, own: AuthMount, store: VaultSettings
) -> tuple[Step, ...]:
    """What somebody else than Airflow needs to read a path of theirs."""
    same = store.auth_mount == session.store.auth_mount
    mount = own if same else ForeignAuthMount(target, session, store.auth_mount)
    role = Role(target, session, mount, store)
    policy = Policy(target, session, store)
    title = f"Write role {store.role} at {store.auth_mount}"
    return (
        _build_step(
            target,
            session,
            f"vault.{store.qualified_name('policy')}",
            f"Write policy {store.policy}",
            policy,
        ),
        _build_step(target, session, f"vault.{store.qualified_name('role')}", title, role),
        _build_login_step(session, store, StoreLogin(target, session, mount, role, store)),
    )


def _build_step(target: Target, session: VaultLogin, name: str, title: str, one: _StepWork) -> Step:
    look = wrap_blocking(_require_credentials(target, one.look, one.command))
    change, dry_run_change = wrap_blocking(one.change), wrap_blocking(one.dry_run_change)
    return Step(name, title, "vault", session.endpoint, look, change, dry_run_change)


def _build_login_step(session: VaultLogin, store: VaultSettings, one: StoreLogin) -> Step:
    return Step(
        f"vault.{store.qualified_name('login')}",
        f"Log in as {store.account_namespace}/{store.service_account}",
        "me",
        session.endpoint,
        wrap_blocking(one.look),
        wait_seconds=_LOGIN_SECONDS,
        interval=_PAUSE,
    )


def _require_credentials(
    target: Target, look: Callable[[], StepStatus], command: str
) -> Callable[[], StepStatus]:
    """The look, once something says who this machine is to Vault."""
    if target.vault is not None:
        return look
    return lambda: leave_to_vault_owner("nothing says who this machine is to Vault", command)
