"""Removal of the payload from Secrets Manager: kept, or deleted so that it can be restored.

The wizard never deletes at once: that would be the end of the Fernet key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.stores.aws.live.client import RECOVERY_DAYS
from wizard.stores.aws.live.ownership import judge_tags
from wizard.stores.aws.live.session import NO_LOGIN, SecretsManagerLogin, list_settings
from wizard.systems.tagged_secrets import TaggedRemoval, build_kept_step, build_tagged_removal

if TYPE_CHECKING:
    from wizard.engine.steps import Step
    from wizard.stores.aws.live.client import SecretAbout
    from wizard.stores.aws.settings import AwsSettings
    from wizard.systems.target import DataKind, Target

_VERB = "schedule the deletion of"
_DONE = (
    f"scheduled the deletion of {{count}} secrets; they can be restored for {RECOVERY_DAYS} days"
)


def build_payload_steps(
    target: Target,
    session: SecretsManagerLogin,
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
    session: SecretsManagerLogin,
    pieces: Collection[DataKind],
    store: AwsSettings,
    own: frozenset[str],
) -> Step:
    name = f"destroy.{store.qualified_name('payload')}"
    if "payload" not in pieces:
        return build_kept_step(name, store.place, store.title, _delete_command(store, "NAME"))
    work = _build_removal(target, session, store, own)
    agreed = target.agreed.get(name, "")
    return build_tagged_removal(
        name, store.place, store.title, work, agreed, verb=_VERB, done=_DONE
    )


def _delete_command(store: AwsSettings, name: str) -> str:
    return (
        f"aws secretsmanager delete-secret --region {store.region} "
        f"--recovery-window-in-days {RECOVERY_DAYS} --secret-id {name}"
    )


def _build_removal(
    target: Target, session: SecretsManagerLogin, store: AwsSettings, own: frozenset[str]
) -> TaggedRemoval:
    names = sorted(store.secret_name(key) for key in own)

    def read(name: str) -> SecretAbout | None:
        found = session.client.describe(name)
        return None if found is None or found.is_deleted else found

    def refuse() -> StepStatus | None:
        if session.has_access:
            return None
        hint = f"ask the account's owner to run: {_delete_command(store, 'NAME')}"
        return StepStatus("unknown", f"the account's owner must do this: {NO_LOGIN}", Fix(hint))

    return TaggedRemoval(
        find=lambda: [one for one in map(read, names) if one],
        read=read,
        delete=lambda name: session.client.delete(name),
        judge=lambda tags: judge_tags(tags, target.release.owner_id),
        refuse=refuse,
        command=lambda name: _delete_command(store, name),
        pattern=f"{store.path}/*",
    )
