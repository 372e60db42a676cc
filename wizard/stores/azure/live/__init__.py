"""The live part of the store azure: login, payload, removal, probes and handover."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from wizard.clients.azure.login import LOGIN_HINT, find_login
from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import Fix
from wizard.stores.azure.live.handover import render_handover
from wizard.stores.azure.live.location import TITLE, locate_key_vault
from wizard.stores.azure.live.probes import list_cluster_checks, list_probes
from wizard.stores.azure.settings import AzureSettings, azure_settings
from wizard.stores.azure.steps import payload_step
from wizard.stores.live import LiveStore
from wizard.systems.azure.payload_store import KeyVaultPayloadStore
from wizard.systems.azure.removal import build_payload_steps
from wizard.systems.azure.session import NO_LOGIN, KeyVaultAccess, KeyVaultLogin, list_settings
from wizard.systems.payload_store import judge_values

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release
    from wizard.secrets.facts import Fact
    from wizard.systems.target import DataKind, Target


class AzureRun:
    """The steps of one run at the Key Vault; see `wizard.stores.live.StoreRun`.

    `apply` changes nothing in Azure: identities, roles and networks belong to the platform's and
    the Key Vault's owner, who get scripts by `handover`.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self.login = KeyVaultLogin(target)

    def build_steps(self) -> tuple[Step, ...]:
        """Return no step."""
        return ()

    def build_payload_looks(self, facts: Mapping[str, Sequence[Fact]]) -> tuple[Step, ...]:
        """Return the steps that look for the values of each prefix."""
        login = self.login

        def step(store: AzureSettings) -> Step:
            own = facts.get(store.reader, ())

            def look() -> StepStatus:
                if not login.has_access:
                    return StepStatus("unknown", NO_LOGIN, Fix(LOGIN_HINT))
                keys = [fact.key for fact in own]
                return judge_values(KeyVaultPayloadStore(login.vault, store.path, keys), own)

            return declared_step(payload_step(store), store.vault_url, wrap_blocking(look))

        return tuple(map(step, list_settings(self._target.answers, self._target.release)))

    def build_identity_proof(self) -> tuple[Step, ...]:
        """Return no step: its certificate proves that this is the Key Vault of the answers."""
        return ()

    def build_removal(self) -> tuple[Step, ...]:
        """Return no step."""
        return ()

    def build_payload_removal(
        self, pieces: Collection[DataKind], own: Mapping[str, frozenset[str]]
    ) -> tuple[Step, ...]:
        """Return the steps that delete the secrets, or say that they are kept."""
        return build_payload_steps(self._target, self.login, pieces, own)

    def build_final_removal(self) -> tuple[Step, ...]:
        """Return no step."""
        return ()


def _find_access(answers: Answers, release: Release) -> KeyVaultAccess | None:
    login = find_login()
    return KeyVaultAccess(azure_settings(answers.secrets, release), login) if login else None


LIVE = LiveStore(
    find_access=_find_access,
    missing_access=f"{TITLE} is skipped: no Azure login found ({LOGIN_HINT})",
    find_login=find_login,
    login_hint=LOGIN_HINT,
    open_run=AzureRun,
    probes=list_probes,
    cluster_checks=list_cluster_checks,
    locate=locate_key_vault,
    handover=render_handover,
)
