"""The live part of the store existing: it looks at the Secrets, and never writes one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import RefusedError
from wizard.stores.existing.contribution import secrets_step
from wizard.stores.existing.live.handover import render_store_handover
from wizard.stores.existing.live.secrets import SecretsInCluster, list_needed_keys
from wizard.stores.live import LiveStore
from wizard.systems.cluster.probes import ClusterCheck

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.kube.protocol import Kube
    from wizard.manifests.release import Release
    from wizard.secrets.facts import Fact
    from wizard.systems.target import DataKind, Target


class ExistingRun:
    """The step of one run: a look at the Secrets. Removals leave them alone."""

    login = None

    def __init__(self, target: Target) -> None:
        self._target = target

    def build_steps(self) -> tuple[Step, ...]:
        """Return the step that fails unless all Secrets exist and fit."""
        kube = self._target.kube
        endpoint = kube.identity if kube else "cluster"
        return (declared_step(secrets_step(), endpoint, wrap_blocking(self._look)),)

    def build_payload_looks(self, facts: Mapping[str, Sequence[Fact]]) -> tuple[Step, ...]:
        """Return no step: that of the Secrets looks at their values."""
        del facts
        return ()

    def build_identity_proof(self) -> tuple[Step, ...]:
        """Return no step: the cluster's identity is proven already."""
        return ()

    def build_removal(self) -> tuple[Step, ...]:
        """Return no step."""
        return ()

    def build_payload_removal(
        self, pieces: Collection[DataKind], own: Mapping[str, frozenset[str]]
    ) -> tuple[Step, ...]:
        """Return no step: the values belong to others."""
        del pieces, own
        return ()

    def build_final_removal(self) -> tuple[Step, ...]:
        """Return no step."""
        return ()

    def _look(self) -> StepStatus:
        kube, answers, release = self._target.kube, self._target.answers, self._target.release
        if kube is None:
            return StepStatus("unknown", "no kubeconfig context names the cluster")
        needed = list_needed_keys(answers, release)
        secrets = SecretsInCluster(kube, answers, release)
        try:
            results = [secrets.judge(one) for one in needed]
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return StepStatus("unknown", error.message, error.fix)
        wrong = [one for one in results if one.status == "fail"]
        if wrong:
            raise RefusedError("; ".join(dict.fromkeys(one.detail for one in wrong)), wrong[0].fix)
        notes = [one.detail for one in results if one.status == "warn"]
        names = dict.fromkeys(one.secret for one in needed)
        first = f"{len(names)} Secrets have all {len(needed)} keys"
        return StepStatus("holds", "; ".join([first, *notes]))


def _list_cluster_checks(kube: Kube, answers: Answers, release: Release) -> Iterator[ClusterCheck]:
    secrets = SecretsInCluster(kube, answers, release)
    for one in list_needed_keys(answers, release):
        name = one.question.removeprefix("secrets.existing.").removesuffix(".key")
        yield ClusterCheck(
            f"existing.{name}",
            f"{one.key} of Secret {one.secret}",
            partial(secrets.judge, one),
            one.question,
        )


LIVE = LiveStore(
    open_run=ExistingRun,
    cluster_checks=_list_cluster_checks,
    handover=render_store_handover,
)
