"""The Vault paths of an installation: its own payload, and one path for each further reader.

Each path has its own role, policy and ServiceAccount; no account can read the other paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.stores.vault.settings import VaultSettings, vault_reader_settings, vault_settings

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release


def list_vault_settings(answers: Answers, release: Release) -> tuple[VaultSettings, ...]:
    """Return the settings of each path, the installation's own path first."""
    readers = answers.delivery.readers(release)
    return (
        vault_settings(answers.secrets, release),
        *(vault_reader_settings(answers.secrets, release, reader) for reader in readers),
    )
