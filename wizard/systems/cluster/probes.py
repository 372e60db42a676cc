"""Probes of the cluster: its identity and version, the rights in it, and the prerequisites.

All probes only read; a TokenRequest and a SelfSubjectAccessReview change no stored state. If the
cluster does not answer or denies every request, the results are unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from wizard.chart.contract import PULL_SECRET_KEYS
from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import ClusterIdentity, Kube, Ref
from wizard.engine.probes import (  # fmt: skip
    CachedCall,
    Probe,
    ProbeResult,
    fail_result,
    pass_result,
    run_in_thread,
    skip_result,
    unknown_result,
    warn_result,
)
from wizard.errors import Fix
from wizard.manifests.prerequisites import EXTERNAL_SECRETS
from wizard.state.cluster_identity import compare_clusters
from wizard.systems.cluster.capacity import judge_classes, judge_quotas, list_pods, list_volumes
from wizard.systems.cluster.claims import check_claim, list_existing_claims
from wizard.systems.cluster.prerequisites import check_pods, list_checks
from wizard.systems.cluster.rights import (
    EXTERNAL_SECRETS_GROUP,
    RightSet,
    list_rights,
)

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release

# An exec plugin may need time to fetch its token.
SECONDS = 45.0
MIN_VERSION = (1, 30)
_POD_SECURITY_LABEL = "pod-security.kubernetes.io/enforce"


@dataclass(frozen=True, slots=True)
class ClusterCheck:
    """An additional check: the suffix of the probe's id, its title, its check, its question."""

    id: str
    title: str
    judge: Callable[[], ProbeResult]
    question: str = ""


def cluster_probes(
    answers: Answers,
    release: Release,
    kube: Kube,
    store_checks: Iterable[ClusterCheck] = (),
    delivery_checks: Iterable[ClusterCheck] = (),
) -> Iterator[Probe]:
    """Yield all probes of an installation's cluster, with the checks of store and delivery."""
    session = CachedCall(lambda: _read_cluster(kube))

    def probe(what: str, title: str, judge: Callable[[], ProbeResult], question: str = "") -> Probe:
        async def run() -> ProbeResult:
            seen = await session()
            if isinstance(seen, KubeError) or compare_clusters(answers.cluster, seen):
                return skip_result("needs cluster.identity")
            return await run_in_thread(lambda: catch_kube_error(judge))

        return Probe(f"cluster.{what}", f"Cluster: {title}", kube.server, run, SECONDS, question)

    async def identity() -> ProbeResult:
        return check_identity(answers, await session())

    async def version() -> ProbeResult:
        seen = await session()
        return (
            skip_result("needs cluster.identity")
            if isinstance(seen, KubeError)
            else check_version(seen)
        )

    yield Probe("cluster.identity", "Cluster: identity", kube.server, identity, SECONDS)
    yield Probe("cluster.version", "Cluster: version", kube.server, version, SECONDS)
    for need in list_rights(answers, release):
        yield probe(
            f"rights.{need.id}", f"rights to {need.purpose}", partial(check_rights, kube, need)
        )
    if release.external_secrets:
        yield probe(
            "external-secrets",
            "External Secrets",
            lambda: check_pods(
                kube,
                EXTERNAL_SECRETS,
                check_external_secrets(kube, cluster_store=release.cluster_store),
            ),
            "secrets.store",
        )
    for program, check in list_checks(kube, release.prerequisites):
        yield probe(program.id, program.title, check, program.question)
    existing = list_existing_secrets(answers)
    if existing:
        yield probe(
            "existing-secrets",
            "Secrets of others",
            lambda: check_existing_secrets(kube, release.namespace, existing),
            "secrets.extra",
        )
    for claim in list_existing_claims(answers):
        check = partial(check_claim, kube, release.namespace, claim)
        yield probe(claim.id, claim.title, check, claim.question)
    for one in store_checks:
        yield probe(one.id, one.title, one.judge, one.question)
    yield probe(
        "namespace",
        "namespace",
        lambda: check_namespace(kube, release),
        "installation.namespace",
    )
    yield probe("quotas", "quotas", lambda: check_quotas(kube, answers, release))
    yield probe(
        "storage",
        "storage classes",
        lambda: check_storage(kube, answers, release),
        "logs.storage_class",
    )
    for one in delivery_checks:
        yield probe(one.id, one.title, one.judge, one.question)


def _read_cluster(kube: Kube) -> ClusterIdentity | KubeError:
    try:
        return kube.cluster()
    except KubeError as error:
        return error


def catch_kube_error(judge: Callable[[], ProbeResult]) -> ProbeResult:
    """Return the result of the check, or that of the error (see `classify_kube_error`)."""
    try:
        return judge()
    except KubeError as error:
        return classify_kube_error(error)


def classify_kube_error(error: KubeError) -> ProbeResult:
    """Return unknown if the cluster refuses or does not answer; failed trust is a fault."""
    judge = fail_result if error.kind == "tls" else unknown_result
    return judge(error.message, error.fix)


def check_identity(answers: Answers, seen: ClusterIdentity | KubeError) -> ProbeResult:
    """Check that this is the recorded cluster."""
    if isinstance(seen, KubeError):
        return classify_kube_error(seen)
    found = compare_clusters(answers.cluster, seen)
    if found:
        return fail_result(found, "select the recorded cluster with --context")
    if not seen.uid:
        return unknown_result(
            "no permission to read the UID of namespace kube-system",
            "ask for the right to get that namespace: its UID identifies the cluster",
        )
    state = "as recorded" if answers.cluster.uid else "not recorded yet"
    return pass_result(f"UID {seen.uid}, {state}")


def check_version(seen: ClusterIdentity) -> ProbeResult:
    """Check the Kubernetes version; the minimum is from the chart's documentation (1.17)."""
    minimum = ".".join(map(str, MIN_VERSION))
    detail = f"Kubernetes {seen.version}; the chart needs {minimum} or later"
    try:
        major, minor = (int(part) for part in seen.version.split(".")[:2])
    except ValueError:
        major, minor = 0, 0
    if not major:
        return unknown_result(
            f"unreadable version {seen.version or '(none)'}; the chart needs {minimum} or later"
        )
    return (
        pass_result(detail)
        if (major, minor) >= MIN_VERSION
        else fail_result(detail, "upgrade the cluster")
    )


def check_rights(kube: Kube, need: RightSet) -> ProbeResult:
    """Check a set of rights; missing rights only warn, since somebody else can do that step."""
    missing = [right for right in need.rights if not kube.may(right)]
    if not missing:
        return pass_result(f"has all {len(need.rights)} rights")
    fix = (
        "ask the platform team to do this step, as described in the runbook, or for these rights"
        if need.owner == "platform"
        else "ask the platform team for these rights"
    )
    if need.fallback:
        fix = f"optional: {fix}; without them, {need.fallback}"
    return warn_result(f"cannot {', '.join(map(str, missing))}", fix)


def check_external_secrets(kube: Kube, *, cluster_store: bool) -> ProbeResult:
    """Check that the cluster serves the operator's kinds in version v1."""
    store = "ClusterSecretStore" if cluster_store else "SecretStore"
    api = f"{EXTERNAL_SECRETS_GROUP}/v1"
    missing = {"ExternalSecret", store} - kube.kinds(api)
    if not missing:
        return pass_result(f"serves {api}")
    versions = kube.list_api_versions(EXTERNAL_SECRETS_GROUP)
    if not versions:
        return fail_result(
            "External Secrets Operator is not installed", "install it, version 0.16 or later"
        )
    return fail_result(
        f"serves {', '.join(versions)} of {EXTERNAL_SECRETS_GROUP} without "
        f"{', '.join(sorted(missing))} in v1",
        "upgrade External Secrets Operator to 0.16 or later",
    )


def list_existing_secrets(answers: Answers) -> dict[str, tuple[str, ...]]:
    """Return the Secrets that others make, with the keys that are read (none: all of them)."""
    found = {one.name: tuple(one.keys) for one in answers.secrets.extra if one.source == "existing"}
    pull = answers.installation.image.all_pull_secrets
    return {**dict.fromkeys(pull, PULL_SECRET_KEYS), **found}


def check_existing_secrets(
    kube: Kube, namespace: str, existing: Mapping[str, tuple[str, ...]]
) -> ProbeResult:
    """Check that each Secret exists in the namespace and has the keys that are read from it."""
    wrong = []
    for name, keys in existing.items():
        found = kube.get(Ref("v1", "Secret", name, namespace))
        if found is None:
            wrong.append(f"{name} does not exist")
            continue
        missing = [key for key in keys if key not in (found.get("data") or {})]
        if missing:
            wrong.append(f"{name} lacks {', '.join(missing)}")
    if wrong:
        # A warning: others may make it later, and pods wait for it.
        return warn_result(
            f"{namespace}: {'; '.join(wrong)}",
            Fix("ask its owner to make it before you deploy, or change the list", "secrets.extra"),
        )
    return pass_result(f"{namespace} has {', '.join(existing)}")


def check_namespace(kube: Kube, release: Release) -> ProbeResult:
    """Check that the namespace is not terminating and that its pod security fits the release."""
    name = release.namespace
    found = kube.get(Ref("v1", "Namespace", name), metadata=True)
    if found is None:
        return pass_result(f"{name} does not exist yet")
    about = found["metadata"]
    if about.get("deletionTimestamp"):
        return fail_result(
            f"{name} has been terminating since {about['deletionTimestamp']}",
            "find the remaining objects: "
            f"kubectl get namespace {name} -o jsonpath='{{.status.conditions}}'",
        )
    held = str((about.get("labels") or {}).get(_POD_SECURITY_LABEL, ""))
    if held == "restricted" and release.chart_redis:
        return fail_result(
            f"{name} enforces the restricted pod security standard, which the chart's Redis does "
            "not meet",
            Fix("set broker.kind=external, or ask its owner to enforce baseline", "broker.kind"),
        )
    return pass_result(f"{name} exists" + (f", pod security {held}" if held else ""))


def check_quotas(kube: Kube, answers: Answers, release: Release) -> ProbeResult:
    """Check that the namespace's quotas have room."""
    name = release.namespace
    found = kube.find("v1", "ResourceQuota", name)
    if not found:
        return pass_result(f"{name} has no quota")
    ranges = kube.find("v1", "LimitRange", name)
    own = kube.find("v1", "Pod", name, labels=f"release={release.names.release}", metadata=True)
    result = judge_quotas(
        found,
        tuple(list_pods(answers, release)),
        tuple(list_volumes(answers, release)),
        defaults=bool(ranges),
        installed=bool(own),
    )
    if result.status == "fail" and answers.values:
        # `values` may set amounts that are not counted here.
        return warn_result(f"{result.detail}, unless `values` override it", result.fix)
    return result


def check_storage(kube: Kube, answers: Answers, release: Release) -> ProbeResult:
    """Check that the cluster has a storage class for each volume."""
    claimed = tuple(list_volumes(answers, release))
    result = judge_classes(kube.find("storage.k8s.io/v1", "StorageClass"), claimed)
    if result.status == "fail" and answers.values:
        return warn_result(f"{result.detail}, unless `values` override it", result.fix)
    return result
