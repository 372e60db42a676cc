"""The live part of the store vault: login, steps, removal, probes and handover."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from wizard.clients.vault.address import LOGIN_HINT, VaultAccess, read_address, read_credentials
from wizard.stores.live import LiveStore
from wizard.stores.vault.live.handover import render_store_handover
from wizard.stores.vault.live.location import locate_vault
from wizard.stores.vault.live.probes import (
    list_cluster_checks,
    list_vault_probes,
    make_token_source,
)
from wizard.stores.vault.settings import vault_answers, vault_settings
from wizard.systems.vault.identity import build_identity_proof
from wizard.systems.vault.payload_removal import build_payload_steps
from wizard.systems.vault.removal import build_mount_removal, build_vault_removal
from wizard.systems.vault.reviewer_removal import build_reviewer_removal
from wizard.systems.vault.session import VaultLogin
from wizard.systems.vault.steps import build_payload_looks, build_vault_steps

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.engine.steps import Step
    from wizard.manifests.release import Release
    from wizard.secrets.facts import Fact
    from wizard.systems.target import DataKind, Target


class VaultRun:
    """The steps of one run at Vault; see `wizard.stores.live.StoreRun`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        # All steps share one login, because a secret id may be valid for a single login.
        self.login = VaultLogin(target)

    def build_steps(self) -> tuple[Step, ...]:
        """Return the steps for mount, policy, auth mount, role and login, per reader."""
        return build_vault_steps(self._target, self.login)

    def build_payload_looks(self, facts: Mapping[str, Sequence[Fact]]) -> tuple[Step, ...]:
        """Return the steps that look for the values at each path."""
        return build_payload_looks(self._target, self.login, facts)

    def build_identity_proof(self) -> tuple[Step, ...]:
        """Return the step that proves that this is the Vault of earlier runs."""
        return build_identity_proof(self._target, self.login)

    def build_removal(self) -> tuple[Step, ...]:
        """Return the steps that remove role, auth mount, policy and reviewer."""
        return (
            *build_vault_removal(self._target, self.login),
            *build_reviewer_removal(self._target, self.login.store),
        )

    def build_payload_removal(
        self, pieces: Collection[DataKind], own: Mapping[str, frozenset[str]]
    ) -> tuple[Step, ...]:
        """Return the steps that remove the payload of each path."""
        return build_payload_steps(self._target, self.login, pieces, own)

    def build_final_removal(self) -> tuple[Step, ...]:
        """Return the step that deletes the KV mount if it is ours and empty."""
        return (build_mount_removal(self._target, self.login),)


def _find_access(answers: Answers, release: Release) -> VaultAccess | None:
    who = read_credentials()
    if who is None:
        return None
    own = vault_answers(answers.secrets)
    ca = release.assets.get("secrets.vault.ca.file", "")
    return VaultAccess(read_address(own.server, ca=ca, namespace=own.namespace), who)


def _token_source(kube: Kube, answers: Answers, release: Release) -> Callable[[], SecretStr] | None:
    """Return a function that creates tokens; it raises ConflictError if the cluster differs."""
    return make_token_source(kube, answers, vault_settings(answers.secrets, release))


LIVE = LiveStore(
    find_access=_find_access,
    missing_access=f"Vault is skipped: no Vault credentials found ({LOGIN_HINT})",
    find_login=read_credentials,
    login_hint=LOGIN_HINT,
    open_run=VaultRun,
    probes=list_vault_probes,
    cluster_checks=list_cluster_checks,
    token_source=_token_source,
    locate=locate_vault,
    handover=render_store_handover,
)
