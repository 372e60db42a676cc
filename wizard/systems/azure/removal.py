"""Removal of the payload from a Key Vault: kept, or deleted so that it can be recovered.

The wizard never purges: a purge would be the end of the Fernet key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.azure import key_vault_name
from wizard.systems.azure.ownership import judge_tags
from wizard.systems.azure.session import NO_LOGIN, KeyVaultLogin, list_settings
from wizard.systems.tagged_secrets import TaggedRemoval, build_kept_step, build_tagged_removal

if TYPE_CHECKING:
    from wizard.clients.azure.key_vault import SecretAbout
    from wizard.engine.steps import Step
    from wizard.stores.azure.settings import AzureSettings
    from wizard.systems.target import DataKind, Target

_DONE = (
    "deleted {count} secrets; they can be recovered while the Key Vault retains them, and the "
    "wizard purges none"
)


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
    if "payload" not in pieces:
        return build_kept_step(name, where, store.mount, _delete_command(store, "NAME"))
    work = _build_removal(target, session, store, own)
    agreed = target.agreed.get(name, "")
    return build_tagged_removal(name, where, store.mount, work, agreed, verb="delete", done=_DONE)


def _delete_command(store: AzureSettings, name: str) -> str:
    return f"az keyvault secret delete --vault-name {key_vault_name(store.vault_url)} --name {name}"


def _build_removal(
    target: Target, session: KeyVaultLogin, store: AzureSettings, own: frozenset[str]
) -> TaggedRemoval:
    names = {store.secret_name(key) for key in own}

    def find() -> list[SecretAbout]:
        return [one for one in session.list_secrets(store.reader) if one.name in names]

    def refuse() -> StepStatus | None:
        if session.has_access:
            return None
        hint = f"ask the Key Vault's owner to run: {_delete_command(store, 'NAME')}"
        return StepStatus("unknown", f"the Key Vault's owner must do this: {NO_LOGIN}", Fix(hint))

    return TaggedRemoval(
        find=find,
        read=lambda name: next((one for one in find() if one.name == name), None),
        delete=lambda name: session.vault.delete(name),
        judge=lambda tags: judge_tags(tags, target.release.owner_id),
        refuse=refuse,
        command=lambda name: _delete_command(store, name),
        pattern=f"{store.path}-*",
    )
