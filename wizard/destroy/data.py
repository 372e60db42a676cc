"""What holds data outside the cluster: it stays unless it is named, and is told how it goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, get_args

from wizard.answers.conditions import OWN_RESULT_BACKEND
from wizard.engine.actions import Action, Look
from wizard.formats.terminal import visible
from wizard.manifests.postgres import identifier
from wizard.systems.target import Piece
from wizard.systems.vault.removal import step
from wizard.systems.vault.removal_path import Path
from wizard.systems.vault.session import Session, left
from wizard.workspace.store_paths import stores

if TYPE_CHECKING:
    from wizard.manifests.external_secrets import StoreSettings
    from wizard.systems.target import Target

PIECES: tuple[Piece, ...] = get_args(Piece)


def payloads(
    target: Target,
    session: Session,
    pieces: Collection[Piece],
    own: Mapping[str, frozenset[str]],
) -> tuple[Action, ...]:
    """What stands in Vault with all its versions; `own` are the keys of each path by its reader."""
    return tuple(
        _payload(target, session, pieces, store, own[store.reader])
        for store in stores(target.answers, target.release)
    )


def _payload(
    target: Target,
    session: Session,
    pieces: Collection[Piece],
    store: StoreSettings,
    own: frozenset[str],
) -> Action:
    where, name = f"{store.mount}/{store.path}", f"destroy.{store.part('payload')}"
    if "payload" in pieces:
        title = f"Delete the payload {where} with all its versions"
        return step(target, session, name, title, _Payload(target, session, store, own))
    command = f"vault kv metadata delete -mount={store.mount} {store.path}"

    async def check() -> Look:
        return Look("kept", f"{where} stays", f"if it is to go: {command}")

    return Action(name, f"Keep the payload {where}", "vault", session.endpoint, check)


class _Payload(Path):
    def __init__(
        self, target: Target, session: Session, store: StoreSettings, own: frozenset[str]
    ) -> None:
        super().__init__(target, session, store)
        self._own = own
        self.path = f"{self._store.mount}/metadata/{self._store.path}"
        self.what = f"payload {self._store.mount}/{self._store.path}"

    @property
    def command(self) -> str:
        """What Vault's owner runs instead."""
        return f"vault kv metadata delete -mount={self._store.mount} {self._store.path}"

    def look(self) -> Look:
        """Whether it is gone; one with keys of others is left."""
        store = self._store
        seen = self._session.seen(self.path)
        if seen.hidden:
            return self._hidden()
        if seen.data is None:
            return self._gone()
        if self._session.seen(f"{store.mount}/data/{store.path}").hidden:
            return left(f"this token may not see whose keys {self.what} holds", self.command)
        held = self._session.patiently(lambda: self._session.vault.read(store.mount, store.path))
        if held is not None and held.deleted:
            undelete = f"vault kv undelete -mount={store.mount} -versions={held.version}"
            return Look(
                "blocked",
                f"version {held.version} of {self.what} is deleted, so nothing says whose keys "
                "the others hold; it is left",
                f"bring it back, so that they are seen: {undelete} {store.path}; or, if all of it "
                f"may go: {self.command}",
            )
        foreign = sorted(set(held.data if held else ()) - self._own)
        if foreign:
            return Look(
                "blocked",
                f"{self.what} holds keys that are not this installation's: "
                f"{', '.join(visible(key) for key in foreign)}; it is left",
                f"have their owner move them; then: {self.command}",
            )
        return self.wanted(f"{self.what} stands")


def databases(target: Target, pieces: Collection[Piece]) -> tuple[Action, ...]:
    """They are never dropped from here: their owner gets the statements."""
    own = target.answers.database
    found = [("destroy.database", "database", own.host, own.port, own.name, own.user)]
    if OWN_RESULT_BACKEND.test(target.answers):
        back = own.result_backend
        found.append(
            ("destroy.result-backend", "result backend", back.host, back.port, back.name, back.user)
        )
    return tuple(_database(*one, pieces) for one in found)


def _database(
    id: str,  # noqa: A002
    what: str,
    host: str,
    port: int,
    name: str,
    user: str,
    pieces: Collection[Piece],
) -> Action:
    where = f"{visible(name)} at {visible(host)}:{port}"
    sql = visible(f"DROP DATABASE {identifier(name)}; DROP ROLE {identifier(user)};")

    async def check() -> Look:
        if "database" in pieces:
            return Look(
                "unknown", "left to its owner: it is never dropped from here", f"they run: {sql}"
            )
        return Look("kept", f"{what} {where} stays", f"if it is to go, its owner runs: {sql}")

    return Action(id, f"Leave {what} {where} to its owner", "dba", f"{host}:{port}", check)
