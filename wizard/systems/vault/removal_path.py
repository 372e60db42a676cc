"""One thing at one path of Vault's that is to be gone: what may be seen of it, and its deletion."""

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
    """One thing at one path of Vault's, to be deleted; by default of the installation's store."""

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
        """What Vault's owner runs instead."""
        return f"vault delete {self.path}"

    def unreadable_status(self, why: str) -> StepStatus:
        """What is told of it where this machine may not see it."""
        return leave_to_vault_owner(why, self.command)

    def delete_status(self, why: str) -> StepStatus:
        """To be deleted, if this token may."""
        if not self._session.may(self.path, *self.needed):
            return leave_to_vault_owner(f"{why}, and this token may not delete it", self.command)
        return StepStatus("wanted", why)

    def change(self) -> str:
        """Delete it."""
        self._session.call("DELETE", self.path)
        return f"deleted {self.what}"

    def dry_run_change(self) -> str:
        """The request that would be sent."""
        return f"DELETE {self.path}"

    def _gone_status(self) -> StepStatus:
        return StepStatus("holds", f"{self.what} is gone")

    def _hidden_status(self) -> StepStatus:
        return self.unreadable_status(f"this token may not read {self.what}")

    def _foreign_status(self, diff: str) -> StepStatus:
        return StepStatus(
            "blocked",
            f"{self.what} is no version that was ever committed here: another's, or changed since; "
            "it is left",
            Fix(f"see whose it is; if it is to go: {self.command}"),
            diff,
        )

    def _list_names(self, path: str) -> list[str] | None:
        """Names below a path; None where they may not be seen."""
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
        """What the list of mounts says of one; a look where it cannot be seen."""
        seen = self._session.read_path(listing)
        if seen.hidden:
            return self.unreadable_status(
                f"this token does not see {listing}, so nothing says whose {self.what} is"
            )
        found = (seen.data or {}).get(f"{name}/")
        return dict(found) if found is not None else None

    def _is_ours(self, entry: dict[str, Any]) -> bool:
        return bool(
            entry.get("description") == mount_description(self._target.release.installation)
        )
