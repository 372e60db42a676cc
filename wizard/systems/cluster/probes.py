"""Probes of the cluster: which one it is, what may be done there, and what must be there already.

All read; a TokenRequest and a SelfSubjectAccessReview change nothing that is stored. A cluster that
cannot be asked, or denies everything, proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from wizard.answers.conditions import STORE_CREDENTIAL
from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Cluster, Kube, Ref
from wizard.engine.probes import (  # fmt: skip
    Once,
    Probe,
    ProbeResult,
    failed,
    in_thread,
    passed,
    skipped,
    unknown,
    warned,
)
from wizard.state.cluster_identity import difference
from wizard.systems.cluster.capacity import judge_classes, judge_quotas, pods, volumes
from wizard.systems.cluster.rights import ARGO, EXTERNAL_SECRETS, Need, argocd_needs, needs

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release

# An exec plugin may have to fetch its token first.
SECONDS = 45.0
LEAST = (1, 30)
_HELD = "pod-security.kubernetes.io/enforce"


def cluster_probes(
    answers: Answers, release: Release, kube: Kube, argocd: Kube | None = None
) -> Iterator[Probe]:
    """All probes of one installation's cluster.

    `argocd` is the cluster that Argo CD runs in where that is another one; without it such a hub is
    not asked.
    """
    session = Once(lambda: _met(kube))

    def probe(what: str, title: str, judge: Callable[[], ProbeResult]) -> Probe:
        async def run() -> ProbeResult:
            seen = await session()
            if isinstance(seen, KubeError) or difference(answers.cluster, seen):
                return skipped("needs cluster.identity")
            return await in_thread(lambda: guarded(judge))

        return Probe(f"cluster.{what}", f"Cluster: {title}", kube.server, run, SECONDS)

    async def identity() -> ProbeResult:
        return identified(answers, await session())

    async def version() -> ProbeResult:
        seen = await session()
        return skipped("needs cluster.identity") if isinstance(seen, KubeError) else aged(seen)

    yield Probe("cluster.identity", "Cluster: identity", kube.server, identity, SECONDS)
    yield Probe("cluster.version", "Cluster: version", kube.server, version, SECONDS)
    for need in needs(answers, release):
        yield probe(f"rights.{need.id}", f"rights to {need.purpose}", partial(may, kube, need))
    if release.store == "vault":
        yield probe(
            "external-secrets",
            "External Secrets",
            lambda: external_secrets(kube, cluster_store=release.cluster_store),
        )
        yield probe("audience", "token for the store", lambda: audience(kube, answers, release))
    yield probe("namespace", "namespace", lambda: namespace(kube, release))
    yield probe("quotas", "quotas", lambda: quotas(kube, answers, release))
    yield probe("storage", "storage classes", lambda: storage(kube, answers, release))
    if release.delivery == "argocd":
        yield from _argocd_probes(answers, kube, argocd, probe)


def _argocd_probes(
    answers: Answers,
    kube: Kube,
    argocd: Kube | None,
    probe: Callable[[str, str, Callable[[], ProbeResult]], Probe],
) -> Iterator[Probe]:
    from wizard.manifests.argocd import IN_CLUSTER

    argo = answers.delivery.argocd
    where = argocd or (kube if argo.destination == IN_CLUSTER else None)
    if where is None:
        text = f"Argo CD runs in another cluster and calls this one {argo.destination}"
        told = skipped(f"{text}; that one was not asked", "name its context with --argocd-context")
        yield probe("argocd", "Argo CD", lambda: told)
        return
    yield probe("argocd", "Argo CD", lambda: argo_cd(where, argo.namespace))
    if where is not kube and STORE_CREDENTIAL.test(answers):
        yield probe("argocd-external-secrets", "External Secrets beside Argo CD",
                    lambda: external_secrets(where, cluster_store=False))  # fmt: skip
    for need in argocd_needs(answers):
        yield probe(f"rights.{need.id}", f"rights to {need.purpose}", partial(may, where, need))


def _met(kube: Kube) -> Cluster | KubeError:
    try:
        return kube.cluster()
    except KubeError as error:
        return error


def guarded(judge: Callable[[], ProbeResult]) -> ProbeResult:
    """A judgement, or that it could not be made: what one may not read proves nothing."""
    try:
        return judge()
    except KubeError as error:
        return unknown(error.message, error.hint)


def identified(answers: Answers, seen: Cluster | KubeError) -> ProbeResult:
    """Whether this is the recorded cluster."""
    if isinstance(seen, KubeError):
        return unknown(seen.message, seen.hint)
    found = difference(answers.cluster, seen)
    if found:
        return failed(found, "choose the right one with --context")
    if not seen.uid:
        return unknown(
            "the UID of namespace kube-system may not be read",
            "ask for the right to get that namespace: it tells clusters apart",
        )
    state = "as recorded" if answers.cluster.uid else "not recorded yet"
    return passed(f"UID {seen.uid}, {state}")


def aged(seen: Cluster) -> ProbeResult:
    """Kubernetes' version; the least is that of the chart's documentation (1.17 and later)."""
    least = ".".join(map(str, LEAST))
    said = f"Kubernetes {seen.version}; the chart needs {least} or later"
    try:
        major, minor = (int(part) for part in seen.version.split(".")[:2])
    except ValueError:
        major, minor = 0, 0
    if not major:
        return unknown(f"the version {seen.version or '(none)'} says nothing; {least} is needed")
    return passed(said) if (major, minor) >= LEAST else failed(said, "upgrade the cluster")


def may(kube: Kube, need: Need) -> ProbeResult:
    """Rights are no fault: who has them not lets somebody else do that step."""
    missing = [right for right in need.rights if not kube.may(right)]
    if not missing:
        return passed(f"all {len(need.rights)}")
    fix = (
        "let the platform team do this step, as the runbook says, or ask it for these rights"
        if need.owner == "platform"
        else "ask the platform team for these rights"
    )
    if need.without:
        fix = f"optional: {fix}; without them, {need.without}"
    return warned(f"may not {', '.join(map(str, missing))}", fix)


def external_secrets(kube: Kube, *, cluster_store: bool) -> ProbeResult:
    """Whether the operator's kinds are served in the version that is written."""
    store = "ClusterSecretStore" if cluster_store else "SecretStore"
    api = f"{EXTERNAL_SECRETS}/v1"
    missing = {"ExternalSecret", store} - kube.kinds(api)
    if not missing:
        return passed(f"serves {api}")
    versions = kube.served(EXTERNAL_SECRETS)
    if not versions:
        return failed(
            "External Secrets Operator is not installed", "have it installed, version 0.16 or later"
        )
    return failed(
        f"serves {', '.join(versions)} of {EXTERNAL_SECRETS} without {', '.join(sorted(missing))} "
        "in v1",
        "upgrade External Secrets Operator to 0.16 or later",
    )


def argo_cd(kube: Kube, namespace: str) -> ProbeResult:
    """Whether Argo CD's kinds are served, and its namespace is there."""
    api = f"{ARGO}/v1alpha1"
    # Argo Workflows and Rollouts have the same group.
    missing = {"Application", "AppProject"} - kube.kinds(api)
    if missing:
        return failed(
            f"Argo CD is not installed: {api} has no {' and no '.join(sorted(missing))}",
            "have it installed, or name the cluster it runs in with --argocd-context",
        )
    try:
        there = kube.get(Ref("v1", "Namespace", namespace), metadata=True)
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return passed(f"serves {api}; whether it runs in {namespace} may not be read")
    if there is None:
        return failed(
            f"serves {api}, and there is no namespace {namespace}",
            "correct delivery.argocd.namespace",
        )
    return passed(f"serves {api}, namespace {namespace}")


def audience(kube: Kube, answers: Answers, release: Release) -> ProbeResult:
    """Whether the API server gives the store a token for the audience that Vault expects."""
    from wizard.formats.jwt import audiences

    store = answers.secrets.store_settings(release)
    account = f"{store.account_namespace}/{store.service_account}"
    try:
        token = kube.token(store.service_account, store.account_namespace, store.audience)
    except KubeError as error:
        if error.kind == "missing":
            return unknown(
                f"there is no ServiceAccount {account} yet", "the first sync makes it; look again"
            )
        raise
    found = audiences(token.get_secret_value())
    if store.audience not in found:
        return failed(
            f"a token of {account} is for {', '.join(found) or 'nobody'}, not {store.audience}",
            "correct secrets.vault.audience",
        )
    return passed(f"a token of {account} for {store.audience}")


def namespace(kube: Kube, release: Release) -> ProbeResult:
    """Whether the namespace can be installed into."""
    name = release.namespace
    found = kube.get(Ref("v1", "Namespace", name), metadata=True)
    if found is None:
        return passed(f"{name} is not there yet")
    about = found["metadata"]
    if about.get("deletionTimestamp"):
        return failed(
            f"{name} is being deleted since {about['deletionTimestamp']}",
            f"see what holds it: kubectl get namespace {name} -o jsonpath='{{.status.conditions}}'",
        )
    held = str((about.get("labels") or {}).get(_HELD, ""))
    if held == "restricted" and release.chart_redis:
        return failed(
            f"{name} enforces the restricted pod security standard, which the chart's Redis does "
            "not meet",
            "set broker.kind=external, or have the namespace enforce baseline",
        )
    return passed(f"{name} is there" + (f", pod security {held}" if held else ""))


def quotas(kube: Kube, answers: Answers, release: Release) -> ProbeResult:
    """Whether the namespace's quotas leave room."""
    name = release.namespace
    found = kube.find("v1", "ResourceQuota", name)
    if not found:
        return passed(f"{name} has no quota")
    ranges = kube.find("v1", "LimitRange", name)
    own = kube.find("v1", "Pod", name, labels=f"release={release.names.release}", metadata=True)
    result = judge_quotas(
        found,
        tuple(pods(answers, release)),
        tuple(volumes(answers, release)),
        defaults=bool(ranges),
        installed=bool(own),
    )
    if result.status == "fail" and answers.values:
        # `values` may state amounts that are not counted here.
        return warned(f"{result.detail}, unless `values` say otherwise", result.fix)
    return result


def storage(kube: Kube, answers: Answers, release: Release) -> ProbeResult:
    """Whether each volume finds a storage class."""
    claimed = tuple(volumes(answers, release))
    result = judge_classes(kube.find("storage.k8s.io/v1", "StorageClass"), claimed)
    if result.status == "fail" and answers.values:
        return warned(f"{result.detail}, unless `values` say otherwise", result.fix)
    return result
