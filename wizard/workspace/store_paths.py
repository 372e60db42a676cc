"""The paths of the store that belong to an installation: its own payload, and one a further reader.

Each has its own role, policy and account; what is composed of one is refused to the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.deliveries.argocd import argocd_answers
from wizard.formats.addresses import IN_CLUSTER_SERVER
from wizard.secrets.payload import collect_facts

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release
    from wizard.plan.render import Rendering
    from wizard.secrets.facts import Fact, SecretSpec
    from wizard.stores.vault.settings import VaultSettings
    from wizard.workspace.proposal import Proposal


@dataclass(frozen=True, slots=True)
class StorePath:
    """One path: its settings, the Secrets that are composed of it, and where those are.

    `elsewhere` says that they are in another cluster than Airflow.
    """

    store: VaultSettings
    secrets: tuple[SecretSpec, ...]
    namespace: str
    is_other_cluster: bool = False

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What stands there, each fact once."""
        return collect_facts(self.secrets)


def list_store_settings(answers: Answers, release: Release) -> tuple[VaultSettings, ...]:
    """The settings of each path, the installation's own first; for an installation in Vault."""
    own = answers.secrets
    readers = answers.delivery.readers(release)
    return (
        own.store_settings(release),
        *(own.reader_settings(release, reader) for reader in readers),
    )


def list_store_paths(proposal: Proposal) -> tuple[StorePath, ...]:
    """The same with what stands there."""
    return build_store_paths(proposal.answers, proposal.rendering)


def build_store_paths(answers: Answers, rendering: Rendering) -> tuple[StorePath, ...]:
    """The same for answers and what they come to."""
    release, total = rendering.release, rendering.total
    first, *others = list_store_settings(answers, release)
    hub = argocd_answers(answers.delivery).destination != IN_CLUSTER_SERVER
    return (
        StorePath(first, total.secrets, release.namespace),
        *(
            StorePath(store, (reader.secret,), reader.namespace, hub)
            for store, reader in zip(others, total.readers, strict=True)
        ),
    )
