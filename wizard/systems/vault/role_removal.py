"""The removal of a role from Vault: it stays while others log in with it, or if it was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.shell import quote
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.stores.vault.manifests import role_file
from wizard.systems.cluster.objects import explain_error
from wizard.systems.vault.files import diff_texts
from wizard.systems.vault.givers import list_givers
from wizard.systems.vault.looks import PathState, role_path
from wizard.systems.vault.ownership import judge_role
from wizard.systems.vault.removal_path import PathRemoval
from wizard.systems.vault.role import normalize_role, parse_role, render_role
from wizard.systems.vault.role_users import find_role_users
from wizard.systems.vault.session import VaultLogin, leave_to_vault_owner
from wizard.workspace.committed import was_committed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target


class RoleRemoval(PathRemoval):
    """The removal of the store's role, if it matches a committed version."""

    def __init__(self, target: Target, session: VaultLogin, store: VaultSettings) -> None:
        super().__init__(target, session, store)
        self.path = role_path(self._store)
        self.what = f"role {self._store.role} at auth/{self._store.auth_mount}"

    def look(self) -> StepStatus:
        """Check that the role is deleted."""
        seen = self._session.read_path(self.path)
        if seen.hidden:
            return self._hidden_status()
        if seen.data is None:
            self._require_unlisted(seen)
            return (self._check_moved() if seen.unrouted else None) or self._gone_status()
        theirs = normalize_role(seen.data)
        file = role_file(self._target.release, self._store).path
        ours = self._target.text(f"vault/{self._store.qualified_name('role')}")
        if parse_role(ours) == theirs or was_committed(
            self._target.repository, file, lambda text: parse_role(text) == theirs
        ):
            owner = judge_role(seen.data, self._target.release.owner_id, self._session.read_policy)
            asked = self.ask_owner(owner, render_role(theirs))
            if owner.is_proven_foreign and asked is not None:
                return asked
            return (
                self._check_logins(seen.data)
                or asked
                or self.delete_status(f"{self.what} was made by this installation")
            )
        return self._foreign_status(
            diff_texts(file, render_role(theirs), render_role(parse_role(ours)))
        )

    def _require_unlisted(self, seen: PathState) -> None:
        """Raise VaultError if Vault lists the role all the same, which its own 404 never does."""
        listing, _, name = self.path.rpartition("/")
        if not seen.unrouted and name in (self._list_names(listing) or ()):
            raise self.build_contradiction(f"LIST {listing}")

    def _check_moved(self) -> StepStatus | None:
        """Return where the role may be now; None if no other role of its name gives our policy."""
        store = self._store
        found = [
            one.path.rpartition("/role/")[0].removeprefix("auth/")
            for one in list_givers(self._session).found
            if one.path.endswith(f"/role/{store.role.lower()}") and one.gives(store.policy)
        ]
        if not found:
            return None
        return StepStatus(
            "kept",
            f"auth mount {store.auth_mount} does not exist, but a role {store.role} at "
            f"{format_first([f'auth/{one}' for one in found])} gives policy {store.policy}",
            Fix(
                "if the mount was moved, move it back: "
                f"vault auth move {quote(escape_unprintable(found[0]))} {store.auth_mount}, then "
                "run this again; or ask the role's owner to delete it"
            ),
        )

    def _check_logins(self, role: Mapping[str, Any]) -> StepStatus | None:
        """Return why the role stays: others log in with it, or that cannot be seen."""
        kube = self._target.argocd if self._store.is_in_hub else self._target.kube
        only = f"only if nothing logs in with it: {self.command}"
        if kube is None:
            why = f"no kubeconfig context shows whether others log in with {self.what}"
            return leave_to_vault_owner(why, only)
        try:
            users = find_role_users(kube, self._target, self._store, role)
        except KubeError as error:
            if error.kind != "forbidden":
                raise explain_error(error) from None
            why = f"cannot see whether others log in with {self.what}: {error.message}"
            return leave_to_vault_owner(why, only)
        if not users:
            return None
        # Blocked, so that the mount, the policy and the payload stay with it.
        return StepStatus(
            "blocked",
            f"{self.what} is used by {format_first(users)} to log in; not deleted",
            Fix(
                "ask their owner to log in with a role of their own, or to delete what nothing "
                "needs any more, then run it again"
            ),
        )

    @property
    def is_kept(self) -> bool:
        """Whether this run does not delete the role."""
        return self.look().state != "wanted"
