"""The removal of one object at one path of Vault: read it, then delete it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.clients.vault.transport import VaultError
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.systems.vault.files import mount_description
from wizard.systems.vault.session import VaultLogin, leave_to_vault_owner

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target


class PathRemoval:
    """The removal of one object at a Vault path; by default for the installation's store."""

    def __init__(
        self, target: Target, session: VaultLogin, store: VaultSettings | None = None
    ) -> None:
        self._target = target
        self._session = session
        self._store = store or session.store

    path = ""
    what = ""
    needed: tuple[str, ...] = ("delete",)

    @property
    def command(self) -> str:
        """The command for Vault's owner."""
        return f"vault delete {self.path}"

    def unreadable_status(self, why: str) -> StepStatus:
        """Return the status of an object that this machine cannot read."""
        return leave_to_vault_owner(why, self.command)

    def delete_status(self, why: str) -> StepStatus:
        """Return `wanted`, or the command for Vault's owner if this token cannot delete it."""
        if not self._session.may(self.path, *self.needed):
            return leave_to_vault_owner(f"{why}, but this token cannot delete it", self.command)
        return StepStatus("wanted", why)

    def change(self) -> str:
        """Delete the object."""
        self._session.call("DELETE", self.path)
        return f"deleted {self.what}"

    def dry_run_change(self) -> str:
        """Return the request that a real run would send."""
        return f"DELETE {self.path}"

    def _gone_status(self) -> StepStatus:
        return StepStatus("holds", f"{self.what} does not exist")

    def _hidden_status(self) -> StepStatus:
        return self.unreadable_status(f"this token cannot read {self.what}")

    def _foreign_status(self, diff: str) -> StepStatus:
        return StepStatus(
            "blocked",
            f"{self.what} matches no version committed here: it has a different owner, or was "
            "changed later; not deleted",
            Fix(f"find its owner; to delete it, run: {self.command}"),
            diff,
        )

    def _list_names(self, path: str) -> list[str] | None:
        """Return the names below a path; None if this token cannot list them."""
        try:
            answer = self._session.call("GET", f"{path}?list=true")
        except VaultError as error:
            if error.kind == "missing":
                return []
            if error.kind != "forbidden":
                raise
            self._session.require_alive()
            return None
        return [str(name) for name in answer.data.get("keys") or []]

    def _read_mount(self, listing: str, name: str) -> dict[str, Any] | StepStatus | None:
        """Return a mount's entry from the list of mounts; a status if the list is not readable."""
        seen = self._session.read_path(listing)
        if seen.hidden:
            return self.unreadable_status(
                f"this token cannot read {listing}, so the owner of {self.what} is unknown"
            )
        found = (seen.data or {}).get(f"{name}/")
        return dict(found) if found is not None else None

    def _is_ours(self, entry: dict[str, Any]) -> bool:
        return bool(
            entry.get("description") == mount_description(self._target.release.installation)
        )
