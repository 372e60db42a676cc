"""Check, before a removal, that this is the Vault that `apply` used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.state.apply_journal import VAULT_CLUSTER_ID
from wizard.systems.cluster.ownership import ask_identity
from wizard.systems.vault.namespace import find_other_namespace
from wizard.systems.vault.uses import require_no_limit

if TYPE_CHECKING:
    from wizard.systems.target import Target
    from wizard.systems.vault.session import VaultLogin

VAULT_IDENTITY = "vault.identity"


def build_identity_proof(target: Target, session: VaultLogin) -> tuple[Step, ...]:
    """Return the step that proves Vault's identity, or asks about it; none without a login.

    It fails for a login that may make a limited number of requests only.
    """
    if session.vault_address is None:
        return ()
    address = session.vault_address

    def look() -> StepStatus:
        seen = session.read_identity()
        # In another namespace, nothing of the installation exists: it would count as gone.
        other = find_other_namespace(address, session.store, session.version)
        if other is not None:
            return StepStatus("blocked", f"{other.text}; nothing is deleted", other.fix)
        what = f"Vault {seen or 'of unknown cluster id'} at {session.endpoint}"
        if seen and target.known_identities.get(VAULT_CLUSTER_ID):
            # Before anything is removed, also from the cluster.
            require_no_limit(session.vault)
            return StepStatus("holds", f"{what}, as in an earlier run")
        why = "no earlier run on this machine recorded it"
        asked = ask_identity(
            target.agreed, VAULT_IDENTITY, what, why if seen else "it does not tell its cluster id"
        )
        if asked.state == "holds":
            require_no_limit(session.vault)
        return asked

    title = "Compare Vault with the Vault of earlier runs"
    return (
        Step(VAULT_IDENTITY, title, "me", session.endpoint, wrap_blocking(look), independent=True),
    )
