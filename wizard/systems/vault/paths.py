"""What an installation has in Vault: its own payload, a path for each further reader, and a role.

Each path has its own role, policy and ServiceAccount; no account can read the other paths. The role
at runtime reads connections and variables of DAGs, which have no path of the installation's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.answers.files import answers_data
from wizard.plan.claims import derive_claims
from wizard.stores.vault.runtime import runtime_settings
from wizard.stores.vault.settings import VaultSettings, vault_reader_settings, vault_settings
from wizard.workspace.earlier import list_earlier_answers

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.git.repository import WorkTree
    from wizard.manifests.release import Release


def list_vault_settings(answers: Answers, release: Release) -> tuple[VaultSettings, ...]:
    """Return the settings of each role, the one of the installation's own path first."""
    runtime = runtime_settings(answers.secrets, release)
    return (*list_payload_settings(answers, release), *((runtime,) if runtime else ()))


def list_payload_settings(answers: Answers, release: Release) -> tuple[VaultSettings, ...]:
    """Return the settings of each path that holds a payload, the installation's own first."""
    readers = answers.delivery.readers(release)
    return (
        vault_settings(answers.secrets, release),
        *(vault_reader_settings(answers.secrets, release, reader) for reader in readers),
    )


def list_named_mounts(answers: Answers, release: Release, repository: WorkTree) -> set[str]:
    """Return the KV mounts in this Vault that the answers name, or earlier committed ones did.

    Where the answers left a mount, nothing was moved: `secrets` copies the values from there.
    """
    own = derive_claims(answers_data(answers), repository.prefix)
    earlier = [one.claims for one in list_earlier_answers(repository, release.installation, own)]
    return {
        *(one.mount for one in list_vault_settings(answers, release)),
        *(one.mount for one in earlier if one.mount and one.vault == own.vault),
    }
