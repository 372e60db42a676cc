"""Removal of the payload from Secrets Manager: kept, or deleted so that it can be restored.

The wizard never deletes at once: that would be the end of the Fernet key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable, format_first
from wizard.stores.aws.live.client import RECOVERY_DAYS
from wizard.stores.aws.live.ownership import judge_tags
from wizard.stores.aws.live.session import NO_LOGIN, SecretsManagerLogin, list_settings
from wizard.systems.cluster.ownership import UnknownOwnerStatus, settle_unknown

if TYPE_CHECKING:
    from wizard.stores.aws.live.client import SecretAbout
    from wizard.stores.aws.settings import AwsSettings
    from wizard.systems.target import DataKind, Target


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
    if "payload" in pieces:
        work = PayloadRemoval(target, session, store, own)
        return Step(
            name,
            f"Delete the secrets {store.place}",
            "vault",
            store.title,
            wrap_blocking(
                lambda: settle_unknown([work.look()], name, target.agreed.get(name, ""))[0]
            ),
            wrap_blocking(work.change),
            wrap_blocking(lambda: f"would schedule the deletion of {format_first(work.names)}"),
            independent=True,
        )

    async def check() -> StepStatus:
        fix = Fix(f"to delete one, run: {_delete_command(store, 'NAME')}")
        return StepStatus("kept", f"{store.place} are kept", fix)

    return Step(name, f"Keep the secrets {store.place}", "vault", store.title, check)


def _delete_command(store: AwsSettings, name: str) -> str:
    return (
        f"aws secretsmanager delete-secret --region {store.region} "
        f"--recovery-window-in-days {RECOVERY_DAYS} --secret-id {name}"
    )


class PayloadRemoval:
    """Deletes the secrets of this installation's keys, if their tags say that they are its own."""

    def __init__(
        self,
        target: Target,
        session: SecretsManagerLogin,
        store: AwsSettings,
        own: frozenset[str],
    ) -> None:
        self._target, self._session, self._store = target, session, store
        self._wanted = sorted(store.secret_name(key) for key in own)
        self._found: tuple[SecretAbout, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the secrets that the last look found."""
        return [one.name for one in self._found]

    def look(self) -> StepStatus:
        """Check whether the secrets are deleted; those of others, or of nobody, block it."""
        store = self._store
        if not self._session.has_access:
            hint = f"ask the account's owner to run: {_delete_command(store, 'NAME')}"
            return StepStatus("unknown", f"the account's owner must do this: {NO_LOGIN}", Fix(hint))
        looks = [self._session.client.describe(name) for name in self._wanted]
        self._found = tuple(one for one in looks if one and not one.is_deleted)
        if not self._found:
            return StepStatus("holds", f"no secret {store.path}/* of this installation exists")
        source = self._target.release.owner_id
        owners = {one.name: judge_tags(one.tags, source) for one in self._found}
        foreign = [name for name, owner in owners.items() if owner.is_proven_foreign]
        if foreign:
            reason = escape_unprintable(owners[foreign[0]].reason)
            detail = f"{format_first(foreign)} {reason}; nothing was deleted"
            return StepStatus("blocked", detail, Fix("run it in that repository"))
        unknown = [one for one in self._found if not owners[one.name].is_ours]
        if not unknown:
            return StepStatus(
                "wanted", f"{len(self._found)} secrets exist: {', '.join(self.names)}"
            )
        lines = [f"{one.name} {escape_unprintable(one.changed)}" for one in self._found]
        return UnknownOwnerStatus(
            "blocked",
            f"{format_first([one.name for one in unknown])}: no tag of a repository; not deleted",
            Fix(f"to delete it, run: {_delete_command(store, unknown[0].name)}"),
            "\n".join(lines),
        )

    def change(self) -> str:
        """Schedule their deletion."""
        for name in self.names:
            self._session.client.delete(name)
        return (
            f"scheduled the deletion of {len(self._found)} secrets; they can be restored for "
            f"{RECOVERY_DAYS} days"
        )
