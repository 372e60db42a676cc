"""The steps of an installation in Vault, in order: mount, policy, auth mount, role, login.

Each step reads first and writes only missing objects. Steps without credentials or rights are
skipped; Vault's owner does them, and the store's login proves the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from wizard.clients.vault.address import LOGIN_HINT
from wizard.clients.vault.transport import VaultError
from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import Fix
from wizard.stores.vault.steps import (
    auth_step,
    login_step,
    mount_step,
    payload_step,
    policy_step,
    role_step,
)
from wizard.systems.payload_store import judge_values
from wizard.systems.vault.auth_mount import AuthMount, ForeignAuthMount
from wizard.systems.vault.engine import KvMount, Policy
from wizard.systems.vault.login import StoreLogin
from wizard.systems.vault.paths import list_payload_settings, list_vault_settings
from wizard.systems.vault.payload_store import VaultPayloadStore
from wizard.systems.vault.role import Role
from wizard.systems.vault.session import NO_CREDENTIALS, VaultLogin, leave_to_vault_owner

if TYPE_CHECKING:
    from wizard.manifests.contribution import StepSpec
    from wizard.secrets.facts import Fact
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target

# The API server may need a moment to see new rights.
_LOGIN_SECONDS, _PAUSE = 10.0, 0.5


class _StepWork(Protocol):
    @property
    def command(self) -> str: ...
    def look(self) -> StepStatus: ...
    def change(self) -> str: ...
    def dry_run_change(self) -> str: ...


def build_vault_steps(target: Target, session: VaultLogin | None = None) -> tuple[Step, ...]:
    """Return the steps that set up the store; no request is sent before the first step runs.

    `session` is this run's login, if other steps share it.
    """
    session = session or VaultLogin(target)
    store = session.store
    mount = AuthMount(target, session)
    role = Role(target, session, mount)

    def step(spec: StepSpec, one: _StepWork) -> Step:
        return _build_step(target, session, spec, one)

    return (
        step(mount_step(store), KvMount(target, session)),
        step(policy_step(store), Policy(target, session)),
        step(auth_step(store), mount),
        step(role_step(store), role),
        _build_login_step(session, store, StoreLogin(target, session, mount, role)),
        *(
            one
            for other in list_vault_settings(target.answers, target.release)[1:]
            for one in _build_reader_steps(target, session, mount, other)
        ),
    )


def build_payload_looks(
    target: Target, session: VaultLogin, facts: Mapping[str, Sequence[Fact]]
) -> tuple[Step, ...]:
    """Return a step for each path that looks whether it has the facts of its reader."""

    def step(store: VaultSettings) -> Step:
        def look() -> StepStatus:
            held = VaultPayloadStore(session.vault, store.mount, store.path, store.document)
            return judge_values(held, facts.get(store.reader, ()))

        def leave() -> StepStatus:
            return StepStatus("unknown", NO_CREDENTIALS, Fix(LOGIN_HINT))

        found = wrap_blocking(look if target.access is not None else leave)
        return declared_step(payload_step(store), session.endpoint, found)

    return tuple(map(step, list_payload_settings(target.answers, target.release)))


def _build_reader_steps(
    target: Target, session: VaultLogin, own: AuthMount, store: VaultSettings
) -> tuple[Step, ...]:
    """Return the steps for a further reader, which has its own path."""
    same = store.auth_mount == session.store.auth_mount
    mount = own if same else ForeignAuthMount(target, session, store.auth_mount)
    role = Role(target, session, mount, store)
    return (
        _build_step(target, session, policy_step(store), Policy(target, session, store)),
        _build_step(target, session, role_step(store), role),
        _build_login_step(session, store, StoreLogin(target, session, mount, role, store)),
    )


def _build_step(target: Target, session: VaultLogin, spec: StepSpec, one: _StepWork) -> Step:
    look = wrap_blocking(_require_credentials(target, one.look, one.command))
    change = wrap_blocking(_explain_denial(session, one))
    dry_run_change = wrap_blocking(one.dry_run_change)
    step = declared_step(spec, session.endpoint, look, change, dry_run_change)
    return replace(step, forget=session.forget_recent)


def _build_login_step(session: VaultLogin, store: VaultSettings, one: StoreLogin) -> Step:
    step = declared_step(login_step(store), session.endpoint, wrap_blocking(one.look))
    # The delivery creates the ServiceAccount that it logs in as.
    return replace(step, wait_seconds=_LOGIN_SECONDS, interval=_PAUSE, looks_again=True)


def _explain_denial(session: VaultLogin, one: _StepWork) -> Callable[[], str]:
    """Return the change; a refusal of rights that could not be looked up names who does it."""

    def change() -> str:
        try:
            return one.change()
        except VaultError as error:
            if error.kind == "forbidden" and session.has_hidden_rights:
                error.message += "; its rights cannot be looked up, so it was tried"
                error.fix = Fix(f"ask Vault's owner to run: {one.command}; then run apply again")
            raise

    return change


def _require_credentials(
    target: Target, look: Callable[[], StepStatus], command: str
) -> Callable[[], StepStatus]:
    """Return `look`; without Vault credentials, a look that names the command for Vault's owner."""
    if target.access is not None:
        return look
    return lambda: leave_to_vault_owner(NO_CREDENTIALS, command)
