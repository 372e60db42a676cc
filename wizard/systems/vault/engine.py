"""The KV version 2 mount of the payload, and the policy that allows reading it.

Source: facts on Vault, sections 2.5 and 2.7: a version 2 write to a version 1 mount exposes the
values, and an existing policy of the same name is not replaced without confirmation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.clients.vault.transport import VaultError
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.stores.vault.manifests import policy_file
from wizard.stores.vault.steps import policy_step
from wizard.systems.vault.files import diff_texts, difference_status
from wizard.systems.vault.looks import policy_path
from wizard.systems.vault.ownership import is_kv_2, judge_policy, mount_description
from wizard.systems.vault.session import leave_to_vault_owner
from wizard.workspace.committed import was_committed

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target
    from wizard.systems.vault.session import VaultLogin


class KvMount:
    """The mount that holds the payload."""

    def __init__(self, target: Target, session: VaultLogin) -> None:
        self._session = session
        self._mount = session.store.mount
        self._path = f"sys/mounts/{self._mount}"
        self._owner = mount_description(target.release.installation, target.release.owner_id)

    @property
    def command(self) -> str:
        """The command for Vault's owner."""
        return f"vault secrets enable -path={self._mount} -version=2 kv"

    def look(self) -> StepStatus:
        """Check that KV version 2 is mounted at the path."""
        try:
            self._session.retry(lambda: self._session.vault.mount(self._mount))
        except VaultError as error:
            if error.kind == "version":
                return StepStatus("blocked", error.message, error.fix)
            if error.kind not in {"missing", "forbidden"}:
                raise
        else:
            return StepStatus("holds", f"{self._mount} is KV version 2")
        listed = self._session.read_path("sys/mounts")
        if listed.hidden:
            return leave_to_vault_owner(f"this token cannot see mount {self._mount}", self.command)
        return self._check_mounts(listed.data or {})

    def _check_mounts(self, mounts: Mapping[str, Any]) -> StepStatus:
        found = mounts.get(f"{self._mount}/")
        if isinstance(found, Mapping):
            if is_kv_2(found):
                return StepStatus("holds", f"{self._mount} is KV version 2")
            kind = escape_unprintable(str(found.get("type")))
            what = "KV version 1" if kind == "kv" else f"of type {kind}"
            return StepStatus(
                "blocked",
                f"mount {self._mount} is {what}; only KV version 2 has check-and-set",
                Fix("set secrets.vault.mount to a different mount", "secrets.vault.mount"),
            )
        for name in mounts:
            if f"{self._mount}/".startswith(name) or name.startswith(f"{self._mount}/"):
                return StepStatus(
                    "blocked",
                    f"mount {self._mount} conflicts with mount {name.rstrip('/')}: the paths nest",
                    Fix("set secrets.vault.mount to a different mount", "secrets.vault.mount"),
                )
        if refused := self._session.find_moved().refuse_new(self._mount):
            return StepStatus("blocked", *refused)
        if not self._session.may(self._path, "update"):
            return leave_to_vault_owner(f"mount {self._mount} does not exist yet", self.command)
        return StepStatus("wanted", f"mount {self._mount} does not exist yet")

    def change(self) -> str:
        """Mount the engine, and wait until Vault has upgraded it to version 2 in the background."""
        body = {"type": "kv", "description": self._owner, "options": {"version": "2"}}
        try:
            self._session.call("POST", self._path, body)
        except VaultError as error:
            # Vault gives the same error if somebody else created the mount in the meantime.
            if error.kind != "invalid" or self.look().state == "wanted":
                raise
        try:
            path = self._session.store.path
            self._session.retry(lambda: self._session.vault.read(self._mount, path))
        except VaultError as error:
            if error.kind not in {"forbidden", "missing"}:
                raise
        return f"mounted KV version 2 at {self._mount}"

    def dry_run_change(self) -> str:
        """Return the request that a real run would send."""
        return f"POST {self._path}"


class Policy:
    """The policy of a store's role, as committed; by default that of the installation's store."""

    def __init__(
        self, target: Target, session: VaultLogin, store: VaultSettings | None = None
    ) -> None:
        store = store or session.store
        self._session = session
        self._repository = target.repository
        self._role = store.question("role")
        self._name = store.policy
        self._path = policy_path(store)
        self._file = policy_file(target.release, store).path
        self._text = target.text(f"vault/{store.qualified_name('policy')}")
        self._own = target.release.owner_id
        self._step = policy_step(store).id
        self._agreed = target.agreed.get(self._step, "")

    @property
    def command(self) -> str:
        """The command for Vault's owner."""
        return f"vault policy write {self._name} {self._file}"

    def look(self) -> StepStatus:
        """Compare the policy with the committed file; spacing and comments do not count.

        A policy of another repository is refused even if the contents are equal: it may be changed
        or removed there at any time.
        """
        found = self._session.read_path(self._path)
        if found.hidden:
            return leave_to_vault_owner(f"this token cannot read policy {self._name}", self.command)
        if found.data is None:
            if not self._session.may(self._path, "update"):
                return leave_to_vault_owner(f"policy {self._name} does not exist yet", self.command)
            return StepStatus("wanted", f"policy {self._name} does not exist yet")
        theirs = str(found.data.get("policy") or "")
        foreign = judge_policy(theirs, self._own).is_proven_foreign
        if not foreign and normalize_policy(theirs) == normalize_policy(self._text):
            return StepStatus("holds", f"policy {self._name} matches the committed file")
        return self._compare_policy(theirs)

    def _compare_policy(self, theirs: str) -> StepStatus:
        own = was_committed(
            self._repository,
            self._file,
            lambda text: normalize_policy(text) == normalize_policy(theirs),
        )
        if own and not self._session.may(self._path, "update"):
            return leave_to_vault_owner(f"policy {self._name} is out of date", self.command)
        return difference_status(
            f"policy {self._name}",
            diff_texts(self._file, theirs, self._text),
            own=own,
            owner=judge_policy(theirs, self._own),
            step=self._step,
            agreed=self._agreed,
            fix=Fix(
                f"set {self._role} to a different role (the policy is named after it), or ask "
                f"the policy's owner to replace it: {self.command}",
                self._role,
            ),
        )

    def change(self) -> str:
        """Write the policy."""
        self._session.call("PUT", self._path, {"policy": self._text})
        return f"wrote policy {self._name}"

    def dry_run_change(self) -> str:
        """Return the request that a real run would send."""
        return f"PUT {self._path}"


def normalize_policy(policy: str) -> str:
    """Return a policy without comment lines and spacing, for comparison."""
    return " ".join(re.sub(r"(?m)^[^\S\n]*+(?:#|//).*$", "", policy).split())
