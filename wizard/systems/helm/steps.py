"""Steps of `apply` with delivery by Helm: the manifests outside the chart, then the chart.

The committed manifests are applied server-side under our own field manager, in the order of their
dependencies; the guard comes before the ServiceAccount that it guards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.deliveries.helm.steps import LISTED, MANIFESTS, PROGRAM, SECRETS, STORE
from wizard.engine.probes import run_in_thread
from wizard.engine.steps import Step, StepStatus, declared_step
from wizard.errors import Fix
from wizard.formats.terminal import escape_unprintable
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.account_guard import GUARD_STEP
from wizard.systems.cluster import admission_guard
from wizard.systems.cluster.external_secrets import OPERATOR_HINT
from wizard.systems.cluster.namespace import build_namespace_step, read_namespace
from wizard.systems.cluster.objects import CommittedManifest, build_manifests_step
from wizard.systems.cluster.secret_overwrites import guard_secrets_step
from wizard.systems.helm import release
from wizard.systems.helm.chart import ChartFetcher

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.systems.target import Target

# In this order: External Secrets reads a store's dependencies as soon as the store exists.
_STORE = ("ConfigMap", "ServiceAccount", "SecretStore", "ClusterSecretStore")
_SECRETS = ("ExternalSecret",)
_CLUSTER_WIDE = (*admission_guard.KINDS, "ClusterSecretStore")


def build_manifest_steps(target: Target) -> tuple[Step, ...]:
    """Return the steps for the helm program, the namespace and the manifests outside the chart."""
    groups = group_manifests(target)
    found = [_build_program_step(target), build_namespace_step(target)]
    if groups[GUARD_STEP.id]:
        found.append(admission_guard.build_guard_step(target, groups[GUARD_STEP.id]))
    for spec, needs in ((STORE, OPERATOR_HINT), (SECRETS, OPERATOR_HINT), (MANIFESTS, "")):
        if sources := groups[spec.id]:
            one = build_manifests_step(target, spec, target.kube, sources, needs=needs)
            if spec is SECRETS:
                one = guard_secrets_step(target, one)
            found.append(_skip_without_namespace(target, target.kube, one, sources))
    if foreign := sorted(
        _read_kustomization(target) - {_relative(name) for name in target.files_under("secrets/")}
    ):
        found.append(_build_foreign_step(target, foreign))
    return tuple(found)


def build_chart_step(target: Target) -> Step:
    """Return the step that installs the chart."""
    charts = ChartFetcher(target, target.helm) if target.helm else None
    return release.build_release_step(target, charts)


def group_manifests(target: Target) -> dict[str, list[CommittedManifest]]:
    """Return the manifests that kustomization.yaml lists, by step id, in the order of each step."""
    found: dict[str, list[CommittedManifest]] = {
        GUARD_STEP.id: [],
        STORE.id: [],
        SECRETS.id: [],
        MANIFESTS.id: [],
    }
    listed = _read_kustomization(target)
    for logical, text in target.files_under("secrets/").items():
        if _relative(logical) not in listed:
            continue
        kind = str(read_mapping(text, logical).get("kind"))
        if kind == "Namespace":
            continue
        place = "" if kind in _CLUSTER_WIDE else target.release.namespace
        path = f"{target.release.paths.apps}/{logical}.yaml"
        found[_group(logical, kind)].append(CommittedManifest(path, text, (kind,), place))
    found[GUARD_STEP.id] = admission_guard.sort_guard_manifests(found[GUARD_STEP.id])
    found[STORE.id].sort(key=lambda source: _STORE.index(source.kinds[0]))
    return found


def _relative(logical: str) -> str:
    return f"{logical}.yaml"


def _read_kustomization(target: Target) -> set[str]:
    """Return the resources of the committed kustomization.yaml, hand edits included."""
    found = read_mapping(target.text("kustomization"), "kustomization").get("resources")
    return {str(one) for one in found} if isinstance(found, list) else set()


def _build_foreign_step(target: Target, names: Sequence[str]) -> Step:
    """Return the step that reports listed manifests that belong to others; they are not applied."""
    folder = target.release.paths.apps
    detail = f"kustomization.yaml lists {', '.join(names)}, which the wizard did not write"
    fix = f"apply it yourself: kubectl apply {' '.join(f'-f {folder}/{name}' for name in names)}"

    async def check() -> StepStatus:
        return StepStatus("unknown", escape_unprintable(detail), Fix(escape_unprintable(fix)))

    return declared_step(LISTED, "cluster", check)


def _group(logical: str, kind: str) -> str:
    if kind in admission_guard.KINDS:
        return GUARD_STEP.id
    if kind in _SECRETS:
        return SECRETS.id
    own = ("secrets/store", "secrets/service-account", "secrets/vault-ca")
    return STORE.id if logical in own and kind in _STORE else MANIFESTS.id


def _build_program_step(target: Target) -> Step:
    """Return the step that checks the helm program and the version of `--chart`."""
    helm = target.helm

    async def check() -> StepStatus:
        if helm is None:
            return StepStatus("unknown", "no kubeconfig context names the cluster")
        version = await helm.version()
        if target.chart is None:
            return StepStatus("holds", f"helm {version}")
        found = await ChartFetcher(target, helm).get()
        return StepStatus("holds", f"helm {version}; {found.path.name}, sha256:{found.digest[:12]}")

    return declared_step(PROGRAM, helm.identity if helm else "this machine", check)


def _skip_without_namespace(
    target: Target, kube: Kube | None, step: Step, sources: Sequence[CommittedManifest]
) -> Step:
    """Return the step without server-side dry runs while its namespace does not exist."""
    if kube is None or all(not source.namespace for source in sources):
        return step
    real, dry_run_change, first = step.check, step.dry_run_change, target.release.namespace

    async def check() -> StepStatus:
        if await run_in_thread(lambda: read_namespace(kube, first)) is not None:
            return await real()
        names = ", ".join(source.path.rpartition("/")[2] for source in sources)
        return StepStatus("wanted", f"{names}: missing, and namespace {first} does not exist yet")

    async def dry_run() -> str:
        if (
            dry_run_change is None
            or await run_in_thread(lambda: read_namespace(kube, first)) is None
        ):
            return ""
        return await dry_run_change()

    return replace(step, check=check, dry_run_change=dry_run)
