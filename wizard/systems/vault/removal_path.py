"""The removal of one object at one path of Vault: read it, then delete it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from wizard.clients.vault.transport import VaultError
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.systems.cluster.ownership import UnknownOwnerStatus
from wizard.systems.vault.givers import list_names
from wizard.systems.vault.looks import role_path
from wizard.systems.vault.ownership import judge_mount
from wizard.systems.vault.paths import list_vault_settings
from wizard.systems.vault.remount import find_own_mounts
from wizard.systems.vault.session import VaultLogin, leave_to_vault_owner
from wizard.systems.vault.users import Users, find_path_users

if TYPE_CHECKING:
    from wizard.manifests.ownership import Ownership
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
    # A path beside it that exists in every Vault; empty if there is none.
    witness = ""
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
        """Return that the object does not exist.

        Raises VaultError if the witness does not exist either: a proxy on the way may answer for
        such paths as Vault does where nothing is.
        """
        if self.witness:
            seen = self._session.read_path(self.witness)
            if seen.data is None and not (seen.hidden or seen.unrouted):
                raise self.build_contradiction(f"GET {self.witness}")
        return StepStatus("holds", f"{self.what} does not exist")

    def build_contradiction(self, request: str) -> VaultError:
        """Return the error for an absence that the answer to another request contradicts."""
        return VaultError(
            "foreign",
            f"the answer of {self._session.endpoint} to {request} contradicts that {self.what} "
            "does not exist: a proxy on the way may answer instead of Vault",
            "run this again with an address that leads to Vault itself",
        )

    def _hidden_status(self) -> StepStatus:
        return self.unreadable_status(f"this token cannot read {self.what}")

    def ask_owner(self, owner: Ownership, content: str = "") -> StepStatus | None:
        """Return why the object stays because of its owner; None if it is this installation's.

        `content` is shown, and a yes is for exactly this content.
        """
        if owner.is_ours:
            return None
        detail = f"{self.what} {escape_unprintable(owner.reason)}; not deleted"
        if owner.whose == "another's":
            fix = f"run it in that repository; or ask its owner to run: {self.command}"
            return StepStatus("blocked", detail, Fix(fix))
        text = "\n".join([self.what, *map(escape_unprintable, content.splitlines())])
        return UnknownOwnerStatus(
            "blocked", detail, Fix(f"to delete it, ask its owner to run: {self.command}"), text
        )

    def _find_path_users(self, path: str) -> Users:
        """Return who else may use a path; in a dry run our own roles still exist."""
        every = list_vault_settings(self._target.answers, self._target.release)
        policies = [one.policy for one in every]
        return find_path_users(self._session, path, policies, [role_path(one) for one in every])

    def check_users(self, users: Users) -> StepStatus | None:
        """Return `kept` while others use the object, `unknown` if that cannot be seen."""
        if users.found:
            return StepStatus("kept", f"{self.what} is used by {format_first(users.found)}")
        if users.unread:
            return leave_to_vault_owner(
                f"this token cannot see whether {format_first(users.unread)} uses {self.what}",
                f"only if nothing uses it: {self.command}",
            )
        return None

    def ask_about(self, doubts: Collection[StepStatus | None]) -> StepStatus | None:
        """Return one question for several doubts, so that one yes is for all of them."""
        asked = [one for one in doubts if one is not None]
        if len(asked) < 2:
            return asked[0] if asked else None
        detail = "; ".join(one.detail for one in asked)
        return UnknownOwnerStatus(
            "blocked", detail, asked[0].fix, "\n".join(one.diff for one in asked)
        )

    def ask_about_readers(self, users: Users, content: str) -> StepStatus | None:
        """Return the question about others who may read the object by a wildcard; None if none."""
        if not users.covering:
            return None
        text = "\n".join([self.what, content, *users.covering])
        return UnknownOwnerStatus(
            "blocked",
            f"{self.what} may be read by others: {', '.join(users.covering)}; not deleted",
            Fix(f"to delete it, ask its owner to run, if nobody reads it: {self.command}"),
            text,
        )

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
        return list_names(self._session, path)

    def _read_mount(self, listing: str, name: str) -> dict[str, Any] | StepStatus | None:
        """Return a mount's entry; a status if neither the list nor this mount is readable."""
        seen = self._session.read_path(listing)
        if seen.hidden:
            path = f"auth/{name}" if listing == "sys/auth" else name
            one = self._session.read_path(f"sys/internal/ui/mounts/{path}")
            # A mount above it answers too.
            if one.data is None or str(one.data.get("path") or "").strip("/") != path:
                return self.unreadable_status(
                    f"this token cannot read {listing}, so the owner of {self.what} is unknown"
                )
            return dict(one.data)
        found = (seen.data or {}).get(f"{name}/")
        return dict(found) if found is not None else None

    def find_own_mounts(self, listing: str, name: str, kind: str) -> list[str]:
        """Return the mounts of this installation that may be the one that was at `name`.

        Empty if a mount is there.
        """
        listed = self._session.read_path(listing).data or {}
        if f"{name}/" in listed:
            return []
        every = list_vault_settings(self._target.answers, self._target.release)
        named = {one.auth_mount if listing == "sys/auth" else one.mount for one in every}
        return find_own_mounts(listed, self._target.release.owner_id, kind, named)

    def _other_engine_status(self, kind: str, entry: dict[str, Any]) -> StepStatus:
        """Return `kept`: what a mount of another type or version holds is looked for elsewhere."""
        called = escape_unprintable(str(entry.get("type")))
        return StepStatus("kept", f"{self.what} has a different {kind} or version now: {called}")

    def _ask_mount_owner(self, entry: dict[str, Any]) -> StepStatus | None:
        """Return why a mount is kept because of its owner; None if it is this installation's."""
        owner = judge_mount(entry, self._target.release.owner_id)
        if owner.whose == "another's":
            return StepStatus("kept", f"{self.what} {escape_unprintable(owner.reason)}")
        return self.ask_owner(owner, str(entry.get("accessor") or ""))
