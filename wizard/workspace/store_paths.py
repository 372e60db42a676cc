"""The paths of the store that belong to an installation: its own payload, and one a further reader.

Each has its own role, policy and account; what is composed of one is refused to the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.secrets.payload import collect_facts
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.external_secrets import StoreSettings
    from wizard.plan.render import Rendering
    from wizard.secrets.facts import Fact, SecretSpec
    from wizard.workspace.proposal import Proposal


@dataclass(frozen=True, slots=True)
class StorePath:
    """One path: its settings, the Secrets that are composed of it, and where those are.

    `elsewhere` says that they are in another cluster than Airflow.
    """

    store: StoreSettings
    secrets: tuple[SecretSpec, ...]
    namespace: str
    is_other_cluster: bool = False

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What stands there, each fact once."""
        return collect_facts(self.secrets)


def list_store_paths(proposal: Proposal) -> tuple[StorePath, ...]:
    """The same with what stands there."""
    return build_store_paths(proposal.answers, proposal.rendering)


def build_store_paths(answers: Answers, rendering: Rendering) -> tuple[StorePath, ...]:
    """The same for answers and what they come to; none without External Secrets."""
    release, total = rendering.release, rendering.total
    kind = store_kind(release.store)
    if kind.settings is None or kind.reader_settings is None:
        return ()
    return (
        StorePath(kind.settings(answers.secrets, release), total.secrets, release.namespace),
        *(
            StorePath(
                kind.reader_settings(answers.secrets, release, reader),
                (reader.secret,),
                reader.namespace,
                not release.controller_is_inside,
            )
            for reader in total.readers
        ),
    )
