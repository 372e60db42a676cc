"""Removal of the payload from a Key Vault: kept, or deleted so that it can be recovered.

The wizard never purges: a purge would be the end of the Fernet key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError, Fix
from wizard.formats.azure import key_vault_name
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.systems.azure.ownership import judge_tags
from wizard.systems.azure.session import NO_LOGIN, KeyVaultLogin, list_settings
from wizard.systems.cluster.ownership import UnknownOwnerStatus, settle_unknown

if TYPE_CHECKING:
    from wizard.clients.azure.key_vault import SecretAbout
    from wizard.stores.azure.settings import AzureSettings
    from wizard.systems.target import DataKind, Target


def build_payload_steps(
    target: Target,
    session: KeyVaultLogin,
    pieces: Collection[DataKind],
    own: Mapping[str, frozenset[str]],
) -> tuple[Step, ...]:
    """Return a step for each prefix; `own` maps readers to the keys of their payload."""
    return tuple(
        _build_step(target, session, pieces, store, own.get(store.reader, frozenset()))
        for store in list_settings(target.answers, target.release)
    )


def _build_step(
    target: Target,
    session: KeyVaultLogin,
    pieces: Collection[DataKind],
    store: AzureSettings,
    own: frozenset[str],
) -> Step:
    name = f"destroy.{store.qualified_name('payload')}"
    where = f"{store.path}-* in {store.mount}"
    if "payload" in pieces:
        work = PayloadRemoval(target, session, store, own)
        return Step(
            name,
            f"Delete the secrets {where}",
            "vault",
            store.mount,
            wrap_blocking(
                lambda: settle_unknown([work.look()], name, target.agreed.get(name, ""))[0]
            ),
            wrap_blocking(work.change),
            wrap_blocking(lambda: f"would delete {format_first(work.names)}"),
            independent=True,
        )

    async def check() -> StepStatus:
        command = _delete_command(store, "NAME")
        return StepStatus("kept", f"{where} are kept", Fix(f"to delete one, run: {command}"))

    return Step(name, f"Keep the secrets {where}", "vault", store.mount, check)


def _delete_command(store: AzureSettings, name: str) -> str:
    return f"az keyvault secret delete --vault-name {key_vault_name(store.vault_url)} --name {name}"


class PayloadRemoval:
    """Deletes the secrets of this installation's keys, if their tags say that they are its own."""

    def __init__(
        self, target: Target, session: KeyVaultLogin, store: AzureSettings, own: frozenset[str]
    ) -> None:
        self._target, self._session, self._store = target, session, store
        self._names = {store.secret_name(key) for key in own}
        self._found: tuple[SecretAbout, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the secrets that the last look found."""
        return [one.name for one in self._found]

    def look(self) -> StepStatus:
        """Check whether the secrets are deleted; those of others, or of nobody, block it."""
        store = self._store
        if not self._session.has_access:
            hint = f"ask the Key Vault's owner to run: {_delete_command(store, 'NAME')}"
            return StepStatus(
                "unknown", f"the Key Vault's owner must do this: {NO_LOGIN}", Fix(hint)
            )
        listed = self._session.list_secrets(store.reader)
        self._found = tuple(one for one in listed if one.name in self._names)
        if not self._found:
            return StepStatus("holds", f"no secret {store.path}-* of this installation exists")
        source = self._target.release.owner_id
        owners = {one.name: judge_tags(one.tags, source) for one in self._found}
        foreign = [name for name, owner in owners.items() if owner.is_proven_foreign]
        if foreign:
            reason = escape_unprintable(owners[foreign[0]].reason)
            detail = f"{format_first(foreign)} {reason}; nothing was deleted"
            return StepStatus("blocked", detail, Fix("run it in that repository"))
        unknown = [one for one in self._found if not owners[one.name].is_ours]
        count = f"{len(self._found)} secrets exist: {', '.join(self.names)}"
        if not unknown:
            return StepStatus("wanted", count)
        lines = [f"{one.name} {escape_unprintable(one.updated)}" for one in self._found]
        return UnknownOwnerStatus(
            "blocked",
            f"{format_first([one.name for one in unknown])}: no tag of a repository; not deleted",
            Fix(f"to delete it, run: {_delete_command(store, unknown[0].name)}"),
            "\n".join(lines),
        )

    def change(self) -> str:
        """Delete them as they were looked at; the Key Vault keeps them for its retention period.

        A Key Vault has no deletion of one version only, so each secret is looked at once more.
        Raises ConflictError for one that was written since.
        """
        done: list[str] = []
        for one in self._found:
            now = {each.name: each for each in self._session.list_secrets(self._store.reader)}
            if now.get(one.name, one) != one:
                raise ConflictError(
                    f"{one.name} was changed by somebody else in the meantime; not deleted; "
                    f"deleted: {format_first(done) or 'none'}",
                    "run this again, which looks at it again",
                )
            self._session.vault.delete(one.name)
            done.append(one.name)
        return (
            f"deleted {len(self._found)} secrets; they can be recovered while the Key Vault "
            "retains them, and the wizard purges none"
        )
