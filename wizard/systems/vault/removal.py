"""Removal from Vault: roles, auth mount, policies and KV mount.

`wizard.systems.vault.ownership` tells whose each one is. A policy or role that was never committed
here was changed later and is not deleted either. A role that others log in with, a policy that
others give, a mount that others log in through or name in a policy, and one that holds data are
kept. Source: facts on Vault, section 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import format_first
from wizard.stores.vault.manifests import policy_file
from wizard.systems.cluster.ownership import settle_unknown
from wizard.systems.vault.engine import normalize_policy
from wizard.systems.vault.files import diff_texts
from wizard.systems.vault.looks import policy_path, role_path
from wizard.systems.vault.ownership import is_kv_2, judge_policy
from wizard.systems.vault.paths import list_payload_settings, list_vault_settings
from wizard.systems.vault.removal_path import PathRemoval
from wizard.systems.vault.role_removal import RoleRemoval
from wizard.systems.vault.session import NO_CREDENTIALS, VaultLogin, leave_to_vault_owner
from wizard.systems.vault.users import find_policy_users
from wizard.workspace.committed import was_committed

if TYPE_CHECKING:
    from wizard.manifests.ownership import Ownership
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target

# The steps of each delivery that remove the store and the ExternalSecrets that read it.
_STORE_REMOVALS = ("destroy.external-secrets", "destroy.objects", "remove.secrets", "remove.store")
# The steps of each delivery that remove Airflow, whose pods log in with the role at runtime.
_RELEASE_REMOVALS = ("destroy.application", "destroy.objects", "remove.release")


class _StepWork(Protocol):
    def unreadable_status(self, why: str) -> StepStatus: ...
    def look(self) -> StepStatus: ...
    def change(self) -> str: ...
    def dry_run_change(self) -> str: ...


def build_vault_removal(target: Target, session: VaultLogin) -> tuple[Step, ...]:
    """Return the removal steps, in the reverse order of creation."""
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
                needs=_list_readers_removals(target, one),
            )
            for one in every
        ),
        build_vault_step(
            target,
            session,
            "remove.vault-auth",
            f"Disable auth mount {auth}",
            AuthMountRemoval(target, session),
            # The mount goes with its roles: one that may not go keeps it.
            needs=tuple(
                f"remove.vault-{one.qualified_name('role')}"
                for one in every
                if one.auth_mount == auth
            ),
        ),
        *(
            build_vault_step(
                target,
                session,
                f"remove.vault-{one.qualified_name('policy')}",
                f"Delete policy {one.policy}",
                PolicyRemoval(target, session, one),
                needs=(f"remove.vault-{one.qualified_name('role')}",),
            )
            for one in every
        ),
    )


def _list_readers_removals(target: Target, store: VaultSettings) -> tuple[str, ...]:
    """Return the ids of the steps that remove, from the cluster, what logs in with a role."""
    if not store.reader:
        return _STORE_REMOVALS
    if not store.has_payload:
        return _RELEASE_REMOVALS
    readers = target.answers.delivery.readers(target.release)
    return tuple(one.removal for one in readers if one.id == store.reader and one.removal)


def build_mount_removal(target: Target, session: VaultLogin) -> Step:
    """Return the last step, which disables the KV mount if it is empty and ours."""
    title = f"Disable KV mount {session.store.mount} if it is empty"
    needs = tuple(
        f"destroy.{one.qualified_name('payload')}"
        for one in list_payload_settings(target.answers, target.release)
    )
    return build_vault_step(
        target, session, "remove.vault-mount", title, KvMountRemoval(target, session), needs=needs
    )


def build_vault_step(
    target: Target,
    session: VaultLogin,
    name: str,
    title: str,
    one: _StepWork,
    *,
    needs: tuple[str, ...] = (),
) -> Step:
    """Return a removal as a step; without Vault credentials it is skipped."""

    def look() -> StepStatus:
        return settle_unknown([one.look()], name, target.agreed.get(name, ""))[0]

    if target.access is None:
        skipped = one.unreadable_status(NO_CREDENTIALS)

        def look() -> StepStatus:
            return skipped

    def try_change() -> str:
        # Why it may go also tells what is unknown.
        return f"{one.dry_run_change()}: {look().detail}"

    # A foreign object at one path does not stop the removal of the others.
    return Step(
        name,
        title,
        "vault",
        session.endpoint,
        wrap_blocking(look),
        wrap_blocking(one.change),
        wrap_blocking(try_change),
        independent=True,
        needs=needs,
        forget=session.forget_recent,
    )


class PolicyRemoval(PathRemoval):
    """The removal of the store's policy, if it matches a committed version."""

    def __init__(self, target: Target, session: VaultLogin, store: VaultSettings) -> None:
        super().__init__(target, session, store)
        self.path = policy_path(self._store)
        self.witness = "sys/policies/acl/default"
        self.what = f"policy {self._store.policy}"

    @property
    def command(self) -> str:
        """The command for Vault's owner."""
        return f"vault policy delete {self._store.policy}"

    def look(self) -> StepStatus:
        """Check that the policy is deleted."""
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
            owner = judge_policy(theirs, self._target.release.owner_id)
            return self._judge_use(owner, theirs)
        return self._foreign_status(diff_texts(file, theirs, ours))

    def _judge_use(self, owner: Ownership, text: str) -> StepStatus:
        asked = self.ask_owner(owner, text)
        if owner.is_proven_foreign and asked is not None:
            return asked
        # In a dry run our own role still exists.
        own = [
            role_path(one)
            for one in list_vault_settings(self._target.answers, self._target.release)
            if one.policy == self._store.policy
        ]
        users = find_policy_users(self._session, self._store.policy, own)
        made = f"{self.what} was made by this installation"
        return (
            self.check_users(users)
            or asked
            or self.delete_status(f"{made}, and {users.conclusion}")
        )


class _MountRemoval(PathRemoval):
    """The removal of a mount."""

    _name = ""

    def _moved_status(self, listing: str, kind: str) -> StepStatus:
        """Return that a mount is gone, or where it is now."""
        moved = self.find_own_mounts(listing, self._name, kind)
        if not moved:
            return self._gone_status()
        one = "it" if len(moved) == 1 else "one of them"
        return StepStatus(
            "kept",
            f"{self.what} does not exist, but this installation created "
            f"mount{'s' if len(moved) > 1 else ''} {format_first(moved)}",
            Fix(f"if {one} was moved, move it back, then run this again"),
        )


class AuthMountRemoval(_MountRemoval):
    """The removal of the auth mount, if this installation created it and no other role uses it."""

    def __init__(self, target: Target, session: VaultLogin) -> None:
        super().__init__(target, session)
        self._name = self._store.auth_mount
        self.path = f"sys/auth/{self._name}"
        self.what = f"auth mount {self._name}"
        self.needed = ("delete", "sudo")

    @property
    def command(self) -> str:
        """The command for Vault's owner."""
        return f"vault auth disable {self._name}"

    def unreadable_status(self, why: str) -> StepStatus:
        """Return the status for a mount that others may use: its owner must check first."""
        look = f"vault list auth/{self._name}/role"
        return leave_to_vault_owner(
            why, f"{look}; and only if no other installation uses it: {self.command}"
        )

    def look(self) -> StepStatus:
        """Check that the mount is disabled, or must be kept."""
        entry = self._read_mount("sys/auth", self._name)
        if entry is None:
            return self._moved_status("sys/auth", "kubernetes")
        if isinstance(entry, StepStatus):
            return entry
        if entry.get("type") != "kubernetes":
            return self._other_engine_status("auth method", entry)
        if asked := self._ask_mount_owner(entry):
            return asked
        roles = self._list_names(f"auth/{self._name}/role")
        if roles is None:
            return self.unreadable_status(f"this token cannot list the roles of {self.what}")
        for one in list_vault_settings(self._target.answers, self._target.release):
            role = RoleRemoval(self._target, self._session, one)
            name = one.role.lower()
            if one.auth_mount == self._name and name in roles:
                # In a dry run the role still exists.
                roles = [each for each in roles if each != name or role.is_kept]
        if roles:
            return StepStatus(
                "kept",
                f"{self.what} has other roles: {format_first(roles)}",
                Fix(f"only once nobody logs in with them: {self.command}"),
            )
        return self.delete_status(f"{self.what} was created by this installation and has no roles")


class KvMountRemoval(_MountRemoval):
    """The removal of the KV mount, if this installation created it and it is empty."""

    def __init__(self, target: Target, session: VaultLogin) -> None:
        super().__init__(target, session)
        self._name = self._store.mount
        self.path = f"sys/mounts/{self._name}"
        self.what = f"KV mount {self._name}"
        self.needed = ("delete", "sudo")

    @property
    def command(self) -> str:
        """The command for Vault's owner."""
        return f"vault secrets disable {self._name}"

    def unreadable_status(self, why: str) -> StepStatus:
        """Return the status for a mount that may hold data of others: its owner checks first."""
        look = f"vault kv list {self._name}/"
        return leave_to_vault_owner(why, f"{look}; and only if it is empty: {self.command}")

    def look(self) -> StepStatus:
        """Check that the mount is disabled, or must be kept."""
        entry = self._read_mount("sys/mounts", self._name)
        if entry is None:
            return self._moved_status("sys/mounts", "kv")
        if isinstance(entry, StepStatus):
            return entry
        if not is_kv_2(entry):
            return self._other_engine_status("engine", entry)
        asked = self._ask_mount_owner(entry)
        if asked is not None and asked.state == "kept":
            return asked
        held = self._list_names(f"{self._name}/metadata/")
        if held is None:
            return self.unreadable_status(f"this token cannot see whether {self.what} is empty")
        if held:
            return StepStatus("kept", f"{self.what} holds data")
        users = self._find_path_users(self._name)
        if users.found:
            return StepStatus("kept", f"{self.what} is named in {format_first(users.found)}")
        if users.unread:
            return self.unreadable_status(
                f"this token cannot see whether {format_first(users.unread)} uses {self.what}"
            )
        if asked is not None:
            return asked
        return self.delete_status(f"{self.what} was created by this installation and is empty")
