"""Removal of the payload from Vault: it is kept unless the run has `--data payload`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix, RefusedError, WizardError
from wizard.formats.shell import quote
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.secrets.deploy_key import is_same_key, read_private_key
from wizard.secrets.facts import Fact, Form
from wizard.secrets.payload import Payload
from wizard.systems.cluster.ownership import UnknownOwnerStatus
from wizard.systems.target import DataKind
from wizard.systems.vault.ownership import is_kv_2, judge_mount, judge_payload
from wizard.systems.vault.paths import list_payload_settings
from wizard.systems.vault.removal import build_vault_step
from wizard.systems.vault.removal_path import PathRemoval
from wizard.systems.vault.session import VaultLogin, leave_to_vault_owner
from wizard.workspace.deploy_keys import list_git_keys

if TYPE_CHECKING:
    from wizard.clients.vault.protocol import StoredSecret
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.target import Target
    from wizard.workspace.deploy_keys import GitKey


def build_payload_steps(
    target: Target,
    session: VaultLogin,
    pieces: Collection[DataKind],
    own: Mapping[str, frozenset[str]],
) -> tuple[Step, ...]:
    """Return a step for each payload with all its versions; `own` maps readers to their keys."""
    return tuple(
        _build_payload_step(target, session, pieces, store, own[store.reader])
        for store in list_payload_settings(target.answers, target.release)
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
        self.witness = f"{self._store.mount}/config"
        self.what = f"payload {self._store.mount}/{self._store.path}"
        self._was_here = False

    @property
    def command(self) -> str:
        """The command for Vault's owner."""
        return f"vault kv metadata delete -mount={self._store.mount} {self._store.path}"

    @property
    def inspect(self) -> str:
        """The command that shows the payload's versions, without values."""
        return f"vault kv metadata get -mount={self._store.mount} {self._store.path}"

    def look(self) -> StepStatus:
        """Check whether the payload is deleted; one with a version of unknown owners is kept."""
        store = self._store
        entry = self._read_mount("sys/mounts", store.mount)
        if isinstance(entry, dict) and not is_kv_2(entry):
            return self._replaced_status(entry)
        seen = self._session.read_path(self.path)
        if seen.hidden:
            return self._hidden_status()
        if seen.data is None:
            if isinstance(entry, StepStatus):
                # Who has rights in a mount sees it, so it is missing; whether it was moved is
                # not known without the list.
                return entry
            replaced = self._check_replaced(entry) if entry is not None else None
            return replaced or self._check_moved() or self._gone_status()
        self._was_here = True
        if self._session.read_path(f"{store.mount}/data/{store.path}").hidden:
            return leave_to_vault_owner(
                f"this token cannot see which keys {self.what} holds", self.command
            )
        kept = self._read_versions(seen.data)
        refusal = self._find_deleted(kept) or self._find_foreign_keys(kept)
        if refusal is not None:
            return refusal
        owner = judge_payload(seen.data, self._target.release.owner_id)
        version = f"version {kept[0].version}" if kept else ""
        asked = self.ask_owner(owner, version)
        if owner.is_proven_foreign:
            return asked or self._gone_status()
        users = self._find_path_users(store.data_path)
        return (
            self.check_users(users)
            or self.ask_about(
                [asked, self._ask_about_keys(kept), self.ask_about_readers(users, version)]
            )
            or self.delete_status(f"{self.what} exists, and {users.conclusion}")
        )

    def _ask_about_keys(self, kept: Sequence[StoredSecret]) -> StepStatus | None:
        """Return the question about deploy keys that the answers do not record; None if there are
        none.

        Whoever writes the values of another installation to this path uses the same names, and
        leaves the metadata as it is. Of all values, only public halves of deploy keys are recorded.
        """
        payload = Payload(self.what, self._store.document, kept[0].data if kept else {})
        others = [
            about.name
            for about in list_git_keys(self._target.answers)
            if about.public and not _is_recorded(payload, about)
        ]
        if not others:
            return None
        named = f"version {kept[0].version} of {self.what}"
        return UnknownOwnerStatus(
            "blocked",
            f"{named} has another key than {' and '.join(others)} records, so the values may be "
            "those of another installation; not deleted",
            Fix(f"look at its versions: {self.inspect}; to delete it, ask its owner to run: "
                f"{self.command}"),
            f"{named}, not the recorded {', '.join(others)}",
        )  # fmt: skip

    def _replaced_status(self, entry: dict[str, Any]) -> StepStatus:
        """Return that another engine has the mount's path, where the payload cannot be."""
        called = escape_unprintable(str(entry.get("type")))
        other = f"mount {self._store.mount} has a different engine or version now: {called}"
        return StepStatus(
            "blocked",
            f"{other}; where {self.what} is now is unknown; not deleted",
            Fix(
                "find the mount that it was moved to (vault secrets list) and set "
                "secrets.vault.mount; or, if nothing is left of it, leave out --data payload",
                "secrets.vault.mount",
            ),
        )

    def _check_replaced(self, entry: dict[str, Any]) -> StepStatus | None:
        """Return that a mount of ours has the payload, and one of others its former path."""
        store = self._store
        # It was here, and this run deleted it: a namesake elsewhere is another payload.
        if self._was_here or judge_mount(entry, self._target.release.owner_id).is_ours:
            return None
        moved = self._session.find_moved(store, replaced=True)
        able = moved.holding or moved.unread
        if not able:
            return None
        verb = "holds" if moved.holding else "may hold"
        source = quote(escape_unprintable(able[0])) if len(able) == 1 else "MOUNT"
        several = "" if len(able) == 1 else "one of "
        look = f"look there: vault kv metadata get -mount={source} {store.path}"
        if not moved.holding:
            look += " (this token may not), and run this again with a token that may read it"
        return StepStatus(
            "blocked",
            f"mount {store.mount} is not this installation's, but {several}{format_first(able)} "
            f"{verb} {store.path}; not deleted",
            Fix(
                f"{look}; if it was moved: airflow-wizard set secrets.vault.mount={source}, then "
                "run this again; or, if nothing is left of it, leave out --data payload",
                "secrets.vault.mount",
            ),
        )

    def _check_moved(self) -> StepStatus | None:
        """Return that the payload may be elsewhere, if its mount was moved; None if it was not."""
        store = self._store
        moved = self._session.find_moved(store)
        able: Sequence[str] = moved.holding
        verb = "holds" if able else "may hold"
        able = able or (*moved.unread, *moved.empty)
        if not able:
            return None
        if len(able) == 1:
            source = quote(escape_unprintable(able[0]))
            where, moved_one = f"mount {format_first(able)}, which {verb} {store.path}", "it"
        else:
            source = "MOUNT"
            where = f"mounts {format_first(able)}, each of which {verb} {store.path}"
            moved_one = "one of them"
        look = f"vault kv metadata get -mount={source} {store.path}"
        # Others may use a mount that they made.
        back = f"airflow-wizard set secrets.vault.mount={source}, then run this again"
        if moved.may_move(able):
            back = f"move it back: vault secrets move {source} {store.mount}"
        return StepStatus(
            "blocked",
            f"there is no mount {store.mount}, but there is {where}; not deleted",
            Fix(f"look there: {look}; if {moved_one} was moved, {back}"),
        )

    def _read_versions(self, metadata: Mapping[str, Any]) -> list[StoredSecret]:
        """Return all versions that Vault keeps, the newest first: all go with the metadata."""
        listed = metadata.get("versions") or {}
        numbers = sorted((int(one) for one in listed if str(one).isdecimal()), reverse=True)
        read = partial(self._session.vault.read, self._store.mount, self._store.path)
        found = (self._session.retry(partial(read, number)) for number in numbers)
        return [one for one in found if one is not None and not one.destroyed]

    def _find_deleted(self, kept: Sequence[StoredSecret]) -> StepStatus | None:
        """Return why deleted versions block: an undelete would restore them, whosever they are."""
        numbers = [one.version for one in kept if one.deleted]
        if not numbers:
            return None
        named, many = ", ".join(map(str, numbers)), len(numbers) > 1
        return StepStatus(
            "blocked",
            f"version{'s' if many else ''} {named} of {self.what} {'are' if many else 'is'} "
            "deleted, so the owners of the keys there are unknown; not deleted",
            Fix(
                f"restore {'them' if many else 'it'} to see the keys: "
                f"vault kv undelete {self._options(numbers)}; {self._destroy_hint(numbers)}; or, "
                f"to delete all versions: {self.command}"
            ),
        )

    def _options(self, versions: Sequence[int]) -> str:
        numbers = ",".join(map(str, versions))
        return f"-mount={self._store.mount} -versions={numbers} {self._store.path}"

    def _destroy_hint(self, versions: Sequence[int]) -> str:
        what = "these versions" if len(versions) > 1 else "this version"
        return f"or, if nobody needs {what}: vault kv destroy {self._options(versions)}"

    def _find_foreign_keys(self, kept: Sequence[StoredSecret]) -> StepStatus | None:
        """Return why keys of others block, in any version: a careless write may have lost them."""
        foreign: dict[str, int] = {}
        older: list[int] = []
        for one in kept:
            try:
                names = Payload(self.what, self._store.document, one.data).list_names()
            except RefusedError as error:
                fix = f"correct it; {self._destroy_hint([one.version])}"
                if one is kept[0]:
                    fix = f"correct it, or ask its owner to run: {self.command}"
                why = f"version {one.version}: {error.message}, so its owners are unknown"
                return StepStatus("blocked", f"{why}; not deleted", Fix(fix))
            for key in sorted(names - self._own):
                foreign.setdefault(key, one.version)
            older += [one.version] if names - self._own and one is not kept[0] else []
        if not foreign:
            return None
        newest = kept[0].version
        named = ", ".join(
            escape_unprintable(key) + ("" if version == newest else f" (version {version})")
            for key, version in foreign.items()
        )
        hint = f"; {self._destroy_hint(older)}, then run this again" if older else ""
        return StepStatus(
            "blocked",
            f"{self.what} holds keys that do not belong to this installation: {named}; not deleted",
            Fix(f"ask their owner to move them, then run: {self.command}{hint}"),
        )


def _is_recorded(payload: Payload, about: GitKey) -> bool:
    """Return whether a payload has the recorded deploy key, or none."""
    try:
        value = payload.get(Fact(about.fact, Form.SSH_KEY, about.title))
        if value is None:
            return True
        key = read_private_key(SecretStr(value), about.name, about.comment, about.question)
    except WizardError:
        return False
    return is_same_key(key.public, about.public)
