"""The store paths of an installation: one for its own payload, one for each additional reader.

Each path has its own role, policy and service account, which cannot read the other paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.secrets.payload import collect_facts
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering
    from wizard.secrets.facts import Fact, SecretSpec
    from wizard.secrets.payload import PayloadPlace
    from wizard.workspace.proposal import Proposal


@dataclass(frozen=True, slots=True)
class StorePath:
    """One path: its settings, the Secrets built from it, and their namespace.

    `is_other_cluster` says that the Secrets are in a different cluster from Airflow.
    """

    store: PayloadPlace
    secrets: tuple[SecretSpec, ...]
    namespace: str
    is_other_cluster: bool = False

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts stored at this path, each once."""
        return collect_facts(self.secrets)


def list_store_paths(proposal: Proposal) -> tuple[StorePath, ...]:
    """Return the store paths of a proposal; none if the wizard cannot fill its store."""
    return build_store_paths(proposal.answers, proposal.rendering)


def build_store_paths(answers: Answers, rendering: Rendering) -> tuple[StorePath, ...]:
    """Return the store paths of answers and their rendering; none without a payload."""
    release, total = rendering.release, rendering.total
    kind = store_kind(release.store)
    if kind.payload is not None:
        place = kind.payload(answers.secrets, release)
        return (StorePath(place, total.secrets, release.namespace),)
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
