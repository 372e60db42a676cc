"""What holds data outside the cluster: it stays unless it is named, and is told how it goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal, get_args

from wizard.actions import Action, Look
from wizard.applying.vault_session import Session, left
from wizard.diff import visible
from wizard.payloads import stores
from wizard.removing.vault import step
from wizard.removing.vault_path import Path

if TYPE_CHECKING:
    from wizard.applying.target import Target
    from wizard.documents.external_secrets import StoreSettings

Piece = Literal["payload", "volumes", "namespace", "database"]
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
        foreign = sorted(set(held.data if held else ()) - self._own)
        if foreign:
            return Look(
                "blocked",
                f"{self.what} holds keys that are not this installation's: "
                f"{', '.join(visible(key) for key in foreign)}; it is left",
                f"have their owner move them; then: {self.command}",
            )
        return self.wanted(f"{self.what} stands")


def database(target: Target, pieces: Collection[Piece]) -> Action:
    """The database is never dropped from here: its owner gets the statements."""
    settings = target.answers.database
    where = f"{visible(settings.name)} at {visible(settings.host)}:{settings.port}"
    sql = f"DROP DATABASE {_quoted(settings.name)}; DROP ROLE {_quoted(settings.user)};"

    async def check() -> Look:
        if "database" in pieces:
            return Look(
                "unknown", "left to its owner: it is never dropped from here", f"they run: {sql}"
            )
        return Look("kept", f"database {where} stays", f"if it is to go, its owner runs: {sql}")

    title = f"Leave database {where} to its owner"
    return Action("destroy.database", title, "dba", f"{settings.host}:{settings.port}", check)


def _quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + visible(name).replace('"', '""') + '"'
