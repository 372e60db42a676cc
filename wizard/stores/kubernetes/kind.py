"""The record of the store kubernetes, for local clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.runbook import StoreRunbook
from wizard.stores.kubernetes.manifests import secret_commands
from wizard.stores.record import StoreKind

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release


def _runbook(release: Release, total: Contribution) -> StoreRunbook:
    return StoreRunbook(
        create=secret_commands(release, total.secrets), rotate="Replace the value in its Secret."
    )


STORE = StoreKind(
    name="kubernetes",
    label="Secrets created by hand (local)",
    local_only=True,
    generated_only=True,
    made_by_hand=True,
    runbook=_runbook,
)
