"""The steps of `apply` and `destroy` at the Secrets in the cluster, and the check of their keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, Ref, data_keys
from wizard.engine.probes import fail_result, pass_result, unknown_result, wrap_blocking
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import Fix
from wizard.formats.terminal import format_first
from wizard.plan.render import render
from wizard.secrets.payload import collect_facts
from wizard.stores.kubernetes.live.composition import SecretsComposer
from wizard.stores.kubernetes.live.payload_store import SecretPayloadStore
from wizard.stores.kubernetes.live.removal import build_secrets_judge
from wizard.stores.kubernetes.settings import payload_place, values_secret
from wizard.stores.kubernetes.steps import SECRETS
from wizard.systems.cluster.object_removal import Removal, build_cluster_step, build_removal_step
from wizard.systems.cluster.ownership import kubectl_delete
from wizard.systems.cluster.probes import ClusterCheck
from wizard.systems.payload_store import read_state

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.engine.probes import ProbeResult
    from wizard.manifests.release import Release
    from wizard.secrets.facts import Fact, SecretSpec
    from wizard.secrets.payload import Payload
    from wizard.systems.target import DataKind, Target


class KubernetesRun:
    """The steps of one run at the Secrets; see `wizard.stores.live.StoreRun`."""

    login = None

    def __init__(self, target: Target) -> None:
        self._target = target
        self._secrets = list_secrets(target.answers, target.release)

    def build_steps(self) -> tuple[Step, ...]:
        """Return the step that makes the Secrets from their values, which `secrets` creates."""
        kube, command = self._target.kube, self._command
        if kube is None:

            def leave() -> StepStatus:
                return StepStatus(
                    "unknown",
                    "no kubeconfig context names this cluster",
                    Fix(f"ask its owner to run: {command}"),
                )

            return (declared_step(SECRETS, "cluster", wrap_blocking(leave)),)
        return (
            declared_step(
                SECRETS,
                kube.identity,
                wrap_blocking(lambda: self._look(kube)),
                wrap_blocking(lambda: self._change(kube, dry_run=False)),
                wrap_blocking(lambda: self._change(kube, dry_run=True)),
            ),
        )

    def build_payload_looks(self, facts: Mapping[str, Sequence[Fact]]) -> tuple[Step, ...]:
        """Return no step: that of the Secrets looks at their values."""
        del facts
        return ()

    def build_identity_proof(self) -> tuple[Step, ...]:
        """Return no step: the cluster's identity is proven already."""
        return ()

    def build_removal(self) -> tuple[Step, ...]:
        """Return no step: the Secrets are the payload."""
        return ()

    def build_payload_removal(
        self, pieces: Collection[DataKind], own: Mapping[str, frozenset[str]]
    ) -> tuple[Step, ...]:
        """Return the step that deletes the Secrets of this installation, or keeps them."""
        del own
        target = self._target
        namespace = target.release.namespace
        names = [*(one.name for one in self._secrets), values_secret(target.release)]
        refs = [Ref("v1", "Secret", name, namespace) for name in names]
        left = f"kubectl -n {namespace} delete secret {' '.join(names)}"
        if "payload" not in pieces:
            return (
                build_cluster_step(
                    "destroy.secrets",
                    f"Keep the {len(refs)} Secrets with the values",
                    target.kube,
                    lambda kube: _keep(kube, refs, left),
                    None,
                    left=left,
                    alone=True,
                ),
            )

        judge = build_secrets_judge(target.release.owner_id, self._list_keys())
        return (
            build_removal_step(
                "destroy.secrets",
                f"Delete the {len(refs)} Secrets with the values",
                "platform",
                target.kube,
                lambda kube: Removal(kube, lambda: refs, judge, none="no Secret of it exists"),
                left=kubectl_delete(refs),
                agreed=target.agreed,
            ),
        )

    def build_final_removal(self) -> tuple[Step, ...]:
        """Return no step."""
        return ()

    def _list_keys(self) -> dict[str, set[str]]:
        """Return the keys of the Secrets, by their names."""
        keys = {one.name: {*one.keys} for one in self._secrets}
        keys[values_secret(self._target.release)] = {
            fact.key for fact in collect_facts(self._secrets)
        }
        return keys

    @property
    def _command(self) -> str:
        return f"airflow-wizard secrets --installation {self._target.release.installation}"

    def _look(self, kube: Kube) -> StepStatus:
        release = self._target.release
        try:
            payload = self._read(kube)
            missing = [one.key for one in payload.missing(collect_facts(self._secrets))]
            found = SecretsComposer(kube, release, self._secrets).look(payload)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return StepStatus("unknown", error.message, error.fix)
        if missing:
            detail = f"{payload.name} lacks {format_first(missing)}"
            return StepStatus("blocked", detail, Fix(f"run: {self._command}"))
        if found.question and found.seal != f"{SECRETS.id}@{self._agreed}":
            detail = found.question.partition(": add them")[0]
            fix = f"or take over: airflow-wizard apply --take-over {found.seal}"
            return StepStatus("blocked", detail, Fix(f"rename or complete it; {fix}"))
        detail = "; ".join((*found.lines, *found.notes))
        if found.lines:
            return StepStatus("wanted", detail)
        first = f"{len(self._secrets)} Secrets hold their values"
        return StepStatus("holds", "; ".join(filter(None, [first, detail])))

    @property
    def _agreed(self) -> str:
        return self._target.agreed.get(SECRETS.id, "")

    def _change(self, kube: Kube, *, dry_run: bool) -> str:
        composer = SecretsComposer(kube, self._target.release, self._secrets)
        agreed = f"{SECRETS.id}@{self._agreed}" if self._agreed else ""
        done = composer.compose(self._read(kube), agreed, dry_run=dry_run)
        return ", ".join(done) or "nothing to do"

    def _read(self, kube: Kube) -> Payload:
        release = self._target.release
        place = payload_place(self._target.answers.secrets, release)
        return read_state(SecretPayloadStore(kube, release, place)).payload


def list_secrets(answers: Answers, release: Release) -> tuple[SecretSpec, ...]:
    """Return the Secrets that these answers need."""
    return render(answers, release.assets).total.secrets


def _keep(kube: Kube, refs: Collection[Ref], command: str) -> StepStatus:
    found = [ref.name for ref in refs if kube.get(ref, metadata=True) is not None]
    if not found:
        return StepStatus("holds", "no Secret of it exists")
    return StepStatus(
        "kept", f"{len(found)} Secrets are kept", Fix(f"to delete them, run: {command}")
    )


def list_cluster_checks(kube: Kube, answers: Answers, release: Release) -> Iterator[ClusterCheck]:
    """Yield the check of whether every Secret has its keys; it reads no value."""
    yield ClusterCheck(
        "secrets", "Secrets and their keys", lambda: _check_keys(kube, answers, release)
    )


def _check_keys(kube: Kube, answers: Answers, release: Release) -> ProbeResult:
    secrets = list_secrets(answers, release)
    wanted = {one.name: frozenset(one.keys) for one in secrets}
    wanted[values_secret(release)] = frozenset(fact.key for fact in collect_facts(secrets))
    wrong = []
    for name, keys in wanted.items():
        try:
            found = kube.get(Ref("v1", "Secret", name, release.namespace), metadata=True)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            return unknown_result(error.message, error.fix)
        if found is None:
            wrong.append(f"Secret {name} does not exist")
        elif missing := sorted(keys - data_keys(found)):
            wrong.append(f"Secret {name} has no key {format_first(missing)}")
    if not wrong:
        return pass_result(f"{len(wanted)} Secrets have all keys")
    command = f"airflow-wizard secrets --installation {release.installation}"
    return fail_result("; ".join(wrong[:3]), f"run: {command}")
