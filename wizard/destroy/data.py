"""What holds data outside the cluster: it stays unless it is named, and is told how it goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, get_args

from wizard.answers.conditions import SEPARATE_RESULT_BACKEND
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.postgres import quote_identifier
from wizard.systems.target import DataKind
from wizard.systems.vault.removal import build_vault_step
from wizard.systems.vault.removal_path import PathRemoval
from wizard.systems.vault.session import VaultLogin, leave_to_vault_owner
from wizard.workspace.store_paths import list_store_settings

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target

DATA_KINDS: tuple[DataKind, ...] = get_args(DataKind)


def build_payload_steps(
    target: Target,
    session: VaultLogin,
    pieces: Collection[DataKind],
    own: Mapping[str, frozenset[str]],
) -> tuple[Step, ...]:
    """What stands in Vault with all its versions; `own` are the keys of each path by its reader."""
    return tuple(
        _build_payload_step(target, session, pieces, store, own[store.reader])
        for store in list_store_settings(target.answers, target.release)
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
        return build_vault_step(target, session, name, title, _Payload(target, session, store, own))
    command = f"vault kv metadata delete -mount={store.mount} {store.path}"

    async def check() -> StepStatus:
        return StepStatus("kept", f"{where} stays", Fix(f"if it is to go: {command}"))

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
        """What Vault's owner runs instead."""
        return f"vault kv metadata delete -mount={self._store.mount} {self._store.path}"

    def look(self) -> StepStatus:
        """Whether it is gone; one with keys of others is left."""
        store = self._store
        seen = self._session.read_path(self.path)
        if seen.hidden:
            return self._hidden_status()
        if seen.data is None:
            return self._gone_status()
        if self._session.read_path(f"{store.mount}/data/{store.path}").hidden:
            return leave_to_vault_owner(
                f"this token may not see whose keys {self.what} holds", self.command
            )
        held = self._session.retry(lambda: self._session.vault.read(store.mount, store.path))
        if held is not None and held.deleted:
            undelete = f"vault kv undelete -mount={store.mount} -versions={held.version}"
            return StepStatus(
                "blocked",
                f"version {held.version} of {self.what} is deleted, so nothing says whose keys "
                "the others hold; it is left",
                Fix(
                    f"bring it back, so that they are seen: {undelete} {store.path}; or, if all of "
                    f"it may go: {self.command}"
                ),
            )
        foreign = sorted(set(held.data if held else ()) - self._own)
        if foreign:
            return StepStatus(
                "blocked",
                f"{self.what} holds keys that are not this installation's: "
                f"{', '.join(escape_unprintable(key) for key in foreign)}; it is left",
                Fix(f"have their owner move them; then: {self.command}"),
            )
        return self.delete_status(f"{self.what} stands")


def build_database_removal(target: Target, pieces: Collection[DataKind]) -> tuple[Step, ...]:
    """They are never dropped from here: their owner gets the statements."""
    own = target.answers.database
    found = [("destroy.database", "database", own.host, own.port, own.name, own.user)]
    if SEPARATE_RESULT_BACKEND.holds(target.answers):
        back = own.result_backend
        found.append(
            ("destroy.result-backend", "result backend", back.host, back.port, back.name, back.user)
        )
    return tuple(_build_database_step(*one, pieces) for one in found)


def _build_database_step(
    id: str,  # noqa: A002
    what: str,
    host: str,
    port: int,
    name: str,
    user: str,
    pieces: Collection[DataKind],
) -> Step:
    where = f"{escape_unprintable(name)} at {escape_unprintable(host)}:{port}"
    sql = escape_unprintable(
        f"DROP DATABASE {quote_identifier(name)}; DROP ROLE {quote_identifier(user)};"
    )

    async def check() -> StepStatus:
        if "database" in pieces:
            return StepStatus(
                "unknown",
                "left to its owner: it is never dropped from here",
                Fix(f"they run: {sql}"),
            )
        return StepStatus(
            "kept", f"{what} {where} stays", Fix(f"if it is to go, its owner runs: {sql}")
        )

    return Step(id, f"Leave {what} {where} to its owner", "dba", f"{host}:{port}", check)
