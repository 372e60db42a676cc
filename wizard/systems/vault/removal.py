"""Vault's side, taken back: role, auth mount, policy and mount; the payload only where it is named.

Vault has no labels, so contents decide: a policy or role that was never committed here is
another's, and a mount is ours where its description says so. What others log in at, and what holds
data, stays. Source: facts on Vault, section 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.stores.vault.manifests import policy_file, role_file
from wizard.systems.vault.engine import normalize_policy
from wizard.systems.vault.files import diff_texts
from wizard.systems.vault.looks import policy_path, role_path
from wizard.systems.vault.paths import list_vault_settings
from wizard.systems.vault.removal_path import PathRemoval
from wizard.systems.vault.role import normalize_role, parse_role, render_role
from wizard.systems.vault.session import VaultLogin, leave_to_vault_owner
from wizard.workspace.committed import was_committed

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target

_SHOWN = 3


class _StepWork(Protocol):
    def unreadable_status(self, why: str) -> StepStatus: ...
    def look(self) -> StepStatus: ...
    def change(self) -> str: ...
    def dry_run_change(self) -> str: ...


def build_vault_removal(target: Target, session: VaultLogin) -> tuple[Step, ...]:
    """Their removal, in the reverse of the order in which they were made."""
    every = list_vault_settings(target.answers, target.release)[::-1]
    auth = session.store.auth_mount
    return (
        *(
            build_vault_step(
                target,
                session,
                f"remove.vault-{one.qualified_name('role')}",
                f"Delete role {one.role}",
                RoleRemoval(target, session, one),
            )
            for one in every
        ),
        build_vault_step(
            target,
            session,
            "remove.vault-auth",
            f"Disable auth mount {auth}",
            AuthMountRemoval(target, session),
        ),
        *(
            build_vault_step(
                target,
                session,
                f"remove.vault-{one.qualified_name('policy')}",
                f"Delete policy {one.policy}",
                PolicyRemoval(target, session, one),
            )
            for one in every
        ),
    )


def build_mount_removal(target: Target, session: VaultLogin) -> Step:
    """The KV mount, which is last: only an empty one of our own goes."""
    title = f"Disable KV mount {session.store.mount} where it is empty"
    return build_vault_step(
        target, session, "remove.vault-mount", title, KvMountRemoval(target, session)
    )


def build_vault_step(
    target: Target, session: VaultLogin, name: str, title: str, one: _StepWork
) -> Step:
    """One of them as an action; without a login it is left to Vault's owner."""
    look = one.look
    if target.vault is None:
        unseen = one.unreadable_status("nothing says who this machine is to Vault")

        def look() -> StepStatus:
            return unseen

    change, dry_run_change = wrap_blocking(one.change), wrap_blocking(one.dry_run_change)
    # What is another's at one path says nothing about the other paths.
    return Step(
        name,
        title,
        "vault",
        session.endpoint,
        wrap_blocking(look),
        change,
        dry_run_change,
        independent=True,
    )


class RoleRemoval(PathRemoval):
    """The store's role, as committed now or earlier."""

    def __init__(self, target: Target, session: VaultLogin, store: VaultSettings) -> None:
        super().__init__(target, session, store)
        self.path = role_path(self._store)
        self.what = f"role {self._store.role} at auth/{self._store.auth_mount}"

    def look(self) -> StepStatus:
        """Whether it is gone."""
        seen = self._session.read_path(self.path)
        if seen.hidden:
            return self._hidden_status()
        if seen.data is None:
            return self._gone_status()
        theirs = normalize_role(seen.data)
        file = role_file(self._target.release, self._store).path
        ours = self._target.text(f"vault/{self._store.qualified_name('role')}")
        if parse_role(ours) == theirs or was_committed(
            self._target.repository, file, lambda text: parse_role(text) == theirs
        ):
            return self.delete_status(f"{self.what} stands as committed")
        return self._foreign_status(
            diff_texts(file, render_role(theirs), render_role(parse_role(ours)))
        )

    @property
    def is_kept(self) -> bool:
        """Whether it is not for this run to delete."""
        return self.look().state != "wanted"


class PolicyRemoval(PathRemoval):
    """The policy of that role."""

    def __init__(self, target: Target, session: VaultLogin, store: VaultSettings) -> None:
        super().__init__(target, session, store)
        self.path = policy_path(self._store)
        self.what = f"policy {self._store.policy}"

    @property
    def command(self) -> str:
        """What Vault's owner runs instead."""
        return f"vault policy delete {self._store.policy}"

    def look(self) -> StepStatus:
        """Whether it is gone."""
        seen = self._session.read_path(self.path)
        if seen.hidden:
            return self._hidden_status()
        if seen.data is None:
            return self._gone_status()
        theirs = str(seen.data.get("policy") or "")
        file = policy_file(self._target.release, self._store).path
        ours = self._target.text(f"vault/{self._store.qualified_name('policy')}")
        if normalize_policy(ours) == normalize_policy(theirs) or was_committed(
            self._target.repository,
            file,
            lambda text: normalize_policy(text) == normalize_policy(theirs),
        ):
            return self.delete_status(f"{self.what} stands as committed")
        return self._foreign_status(diff_texts(file, theirs, ours))


class AuthMountRemoval(PathRemoval):
    """The auth mount, where this installation made it and nobody else logs in there."""

    def __init__(self, target: Target, session: VaultLogin) -> None:
        super().__init__(target, session)
        self._name = self._store.auth_mount
        self.path = f"sys/auth/{self._name}"
        self.what = f"auth mount {self._name}"
        self.needed = ("delete", "sudo")

    @property
    def command(self) -> str:
        """What Vault's owner runs instead."""
        return f"vault auth disable {self._name}"

    def unreadable_status(self, why: str) -> StepStatus:
        """Others may log in there: its owner has to look first."""
        look = f"vault list auth/{self._name}/role"
        return leave_to_vault_owner(
            why, f"{look}; and only if it is this installation's alone: {self.command}"
        )

    def look(self) -> StepStatus:
        """Whether it is gone, or not this installation's to take away."""
        entry = self._read_mount("sys/auth", self._name)
        if entry is None:
            return self._gone_status()
        if isinstance(entry, StepStatus):
            return entry
        if not self._is_ours(entry):
            return StepStatus("kept", f"{self.what} was not made by this installation")
        roles = self._list_names(f"auth/{self._name}/role")
        if roles is None:
            return self.unreadable_status(f"this token may not list the roles of {self.what}")
        for one in list_vault_settings(self._target.answers, self._target.release):
            role = RoleRemoval(self._target, self._session, one)
            if one.auth_mount == self._name and one.role in roles:
                # In a rehearsal it has not gone before.
                roles = [name for name in roles if name != one.role or role.is_kept]
        if roles:
            return StepStatus(
                "kept", f"{self.what} has roles: {_format_names(roles)}", Fix(self.command)
            )
        return self.delete_status(f"{self.what} was made by this installation and has no role left")


class KvMountRemoval(PathRemoval):
    """The KV mount, where this installation made it and nothing lies in it."""

    def __init__(self, target: Target, session: VaultLogin) -> None:
        super().__init__(target, session)
        self._name = self._store.mount
        self.path = f"sys/mounts/{self._name}"
        self.what = f"KV mount {self._name}"
        self.needed = ("delete", "sudo")

    @property
    def command(self) -> str:
        """What Vault's owner runs instead."""
        return f"vault secrets disable {self._name}"

    def unreadable_status(self, why: str) -> StepStatus:
        """A mount that may hold data of anybody is left without a word of how it goes."""
        return StepStatus("kept", f"{self.what} stays: {why}")

    def look(self) -> StepStatus:
        """Whether it is gone, or not this installation's to take away."""
        entry = self._read_mount("sys/mounts", self._name)
        if entry is None:
            return self._gone_status()
        if isinstance(entry, StepStatus):
            return entry
        if not self._is_ours(entry):
            return StepStatus("kept", f"{self.what} was not made by this installation")
        held = self._list_names(f"{self._name}/metadata/")
        if held is None:
            return StepStatus("kept", f"whether {self.what} is empty may not be seen")
        if held:
            return StepStatus("kept", f"{self.what} holds data")
        return self.delete_status(f"{self.what} was made by this installation and is empty")


def _format_names(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(escape_unprintable(name) for name in names[:_SHOWN]) + more
