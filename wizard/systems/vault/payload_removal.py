"""Removal of the payload from Vault: it is kept unless the run has `--data payload`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix, RefusedError
from wizard.formats.terminal import escape_unprintable
from wizard.secrets.payload import Payload
from wizard.systems.target import DataKind
from wizard.systems.vault.ownership import judge_payload
from wizard.systems.vault.paths import list_vault_settings
from wizard.systems.vault.removal import build_vault_step
from wizard.systems.vault.removal_path import PathRemoval
from wizard.systems.vault.session import VaultLogin, leave_to_vault_owner

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target


def build_payload_steps(
    target: Target,
    session: VaultLogin,
    pieces: Collection[DataKind],
    own: Mapping[str, frozenset[str]],
) -> tuple[Step, ...]:
    """Return a step for each payload with all its versions; `own` maps readers to their keys."""
    return tuple(
        _build_payload_step(target, session, pieces, store, own[store.reader])
        for store in list_vault_settings(target.answers, target.release)
    )


def _build_payload_step(
    target: Target,
    session: VaultLogin,
    pieces: Collection[DataKind],
    store: VaultSettings,
    own: frozenset[str],
) -> Step:
    where, name = f"{store.mount}/{store.path}", f"destroy.{store.qualified_name('payload')}"
    if "payload" in pieces:
        title = f"Delete the payload {where} with all its versions"
        needs = tuple(f"remove.vault-{store.qualified_name(one)}" for one in ("role", "policy"))
        return build_vault_step(
            target, session, name, title, _Payload(target, session, store, own), needs=needs
        )
    command = f"vault kv metadata delete -mount={store.mount} {store.path}"

    async def check() -> StepStatus:
        return StepStatus("kept", f"{where} is kept", Fix(f"to delete it, run: {command}"))

    return Step(name, f"Keep the payload {where}", "vault", session.endpoint, check)


class _Payload(PathRemoval):
    def __init__(
        self, target: Target, session: VaultLogin, store: VaultSettings, own: frozenset[str]
    ) -> None:
        super().__init__(target, session, store)
        self._own = own
        self.path = f"{self._store.mount}/metadata/{self._store.path}"
        self.what = f"payload {self._store.mount}/{self._store.path}"

    @property
    def command(self) -> str:
        """The command for Vault's owner."""
        return f"vault kv metadata delete -mount={self._store.mount} {self._store.path}"

    def look(self) -> StepStatus:
        """Check whether the payload is deleted; a payload with keys of other owners is kept."""
        store = self._store
        seen = self._session.read_path(self.path)
        if seen.hidden:
            return self._hidden_status()
        if seen.data is None:
            return self._gone_status()
        if self._session.read_path(f"{store.mount}/data/{store.path}").hidden:
            return leave_to_vault_owner(
                f"this token cannot see which keys {self.what} holds", self.command
            )
        held = self._session.retry(lambda: self._session.vault.read(store.mount, store.path))
        if held is not None and held.deleted:
            undelete = f"vault kv undelete -mount={store.mount} -versions={held.version}"
            return StepStatus(
                "blocked",
                f"version {held.version} of {self.what} is deleted, so the owners of the keys in "
                "the other versions are unknown; not deleted",
                Fix(
                    f"restore it to see them: {undelete} {store.path}; or, to delete all "
                    f"versions: {self.command}"
                ),
            )
        try:
            names = Payload(self.what, store.document, held.data if held else {}).list_names()
        except RefusedError as error:
            fix = f"correct it, or ask its owner to run: {self.command}"
            why = f"{error.message}, so its owners are unknown; not deleted"
            return StepStatus("blocked", why, Fix(fix))
        foreign = sorted(names - self._own)
        if foreign:
            return StepStatus(
                "blocked",
                f"{self.what} holds keys that do not belong to this installation: "
                f"{', '.join(escape_unprintable(key) for key in foreign)}; not deleted",
                Fix(f"ask their owner to move them, then run: {self.command}"),
            )
        owner = judge_payload(seen.data, self._target.release.owner_id)
        version = f"version {held.version}" if held else ""
        asked = self.ask_owner(owner, version)
        if owner.is_proven_foreign:
            return asked or self._gone_status()
        users = self._find_path_users(store.data_path)
        return (
            self.check_users(users)
            or self.ask_about([asked, self.ask_about_readers(users, version)])
            or self.delete_status(f"{self.what} exists")
        )
