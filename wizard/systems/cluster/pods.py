"""Airflow's own pods and workloads in the cluster, and why they do not run.

Names and labels are those of chart 1.22.0: all objects have `release`, task pods also `dag_id`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.systems.cluster.conditions import (
    condition,
    delivery_hint,
    diagnose_namespace,
    list_warnings,
    wait_status,
)
from wizard.systems.cluster.diagnosis import (
    GIT_RULES,
    REFUSAL_RULES,
    Diagnosis,
    diagnose,
    sanitize_message,
)

if TYPE_CHECKING:
    from wizard.manifests.release import Release

_FIRST_CLONE, _CLONE = "git-sync-init", "git-sync"
_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CONFIG = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_OOM_EXIT = 137


def list_release_pods(kube: Kube, release: Release) -> list[KubeObject]:
    """Return the release's long-running pods, without finished ones and task pods."""
    found = kube.find("v1", "Pod", release.namespace, labels=_labels(release))
    return [pod for pod in found if not _is_transient(pod)]


def _labels(release: Release) -> str:
    return f"release={release.names.release}"


def _is_transient(pod: KubeObject) -> bool:
    labels = pod["metadata"].get("labels") or {}
    done = (pod.get("status") or {}).get("phase") == "Succeeded"
    return done or "dag_id" in labels or bool(pod["metadata"].get("deletionTimestamp"))


def diagnose_pods(kube: Kube, release: Release) -> Diagnosis | None:
    """Return the first known reason why a pod does not run; None if there is none."""
    try:
        pods = list_release_pods(kube, release)
    except KubeError:
        return None
    for pod in pods:
        found = diagnose_pod(pod, release.namespace)
        if found:
            return found
    terminating = diagnose_namespace(kube, release.namespace)
    return terminating or diagnose(list_warnings(kube, release.namespace), REFUSAL_RULES)


def diagnose_pod(pod: KubeObject, namespace: str) -> Diagnosis | None:
    """Return why this pod does not run, from its conditions and containers."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    placed = condition(pod, "PodScheduled")
    if placed.get("status") == "False":
        return _diagnose_unscheduled(name, str(placed.get("message") or ""))
    if status.get("reason") == "Evicted":
        return Diagnosis(
            f"pod {name} was evicted: {sanitize_message(status.get('message'))}",
            Fix(
                "request more memory, or ask the platform team for nodes: its node ran out of "
                "memory or disk"
            ),
        )
    for container in _containers(status):
        found = _diagnose_container(name, container, namespace)
        if found:
            return found
    return None


def _containers(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []


def _diagnose_unscheduled(name: str, message: str) -> Diagnosis:
    if "PersistentVolumeClaim" in message or "persistentvolumeclaim" in message:
        fix = Fix(
            "set a storage class, or ask the platform team for a default one; see `kubectl get pvc`"
        )
    else:
        fix = Fix(
            "reduce the requests (executor.workers.resources, components), or ask the platform "
            "team to add nodes or change taints",
            "executor.workers.resources.cpu",
        )
    return Diagnosis(f"pod {name} is Pending: {sanitize_message(message)}", fix)


def _diagnose_container(pod: str, container: Mapping[str, Any], namespace: str) -> Diagnosis | None:
    where = f"container {container.get('name')} of pod {pod}"
    state = container.get("state") or {}
    waiting = state.get("waiting") or {}
    reason, message = str(waiting.get("reason") or ""), waiting.get("message")
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    if reason in _IMAGE:
        return Diagnosis(
            f"{where}: {reason} of {sanitize_message(container.get('image'))}: "
            f"{sanitize_message(message)}",
            Fix(
                "check installation.image.repository and tag, for a private registry "
                "installation.image.pull_secrets, and that the nodes can reach the registry",
                "installation.image.repository",
            ),
        )
    if reason in _CONFIG:
        return Diagnosis(
            f"{where}: {reason}: {sanitize_message(message)}",
            Fix("see verify.secrets: a Secret or ConfigMap of the container, or a key, is missing"),
        )
    if not ended or (ended.get("exitCode") == 0 and reason != "CrashLoopBackOff"):
        return None
    if ended.get("reason") == "OOMKilled":
        return Diagnosis(
            f"{where}: OOMKilled, it exceeded its memory limit",
            Fix(
                "raise the limit (executor.workers.resources.memory_limit for workers, otherwise "
                "under components), or run fewer tasks at a time (executor.workers.concurrency)",
                "executor.workers.resources.memory_limit",
            ),
        )
    if reason != "CrashLoopBackOff" and container.get("ready"):
        return None
    return _diagnose_crash(where, pod, container, ended, namespace)


def _diagnose_crash(
    where: str,
    pod: str,
    container: Mapping[str, Any],
    ended: Mapping[str, Any],
    namespace: str,
) -> Diagnosis:
    name, question = str(container.get("name")), ""
    if name in (_FIRST_CLONE, _CLONE):
        known = diagnose([ended.get("message")], GIT_RULES)
        if known:
            return Diagnosis(f"{where}: {known.cause}", known.fix)
        fix = "check the repository's login and host with airflow-wizard check --live"
        question = "dags.repo"
    elif "wait-for-airflow-migrations" in name:
        fix = "see verify.migrations: the migrations have not run"
    else:
        fix = "see its log"
    killed = ", killed" if ended.get("exitCode") == _OOM_EXIT else ""
    message = f": {sanitize_message(ended['message'])}" if ended.get("message") else ""
    return Diagnosis(
        f"{where} ended with {ended.get('exitCode')}{killed}, "
        f"{container.get('restartCount', 0)} restarts{message}",
        Fix(f"{fix}: kubectl -n {namespace} logs {pod} -c {name} --previous", question),
    )


def check_git_sync(kube: Kube, release: Release) -> StepStatus:
    """Check that every pod that reads DAGs has finished its first clone."""
    cloning = [
        pod for pod in list_release_pods(kube, release) if _names(pod) & {_FIRST_CLONE, _CLONE}
    ]
    if not cloning:
        found = diagnose_pods(kube, release)
        return wait_status("no pod with git-sync exists yet", found, delivery_hint(release))
    waiting = [pod for pod in cloning if not _has_cloned(pod)]
    if not waiting:
        return StepStatus("holds", f"{len(cloning)} pods have cloned the DAGs")
    found = next(filter(None, (diagnose_pod(pod, release.namespace) for pod in waiting)), None)
    name = waiting[0]["metadata"]["name"]
    log = f"kubectl -n {release.namespace} logs {name} --all-containers"
    done = len(cloning) - len(waiting)
    return wait_status(f"{done} of {len(cloning)} pods have cloned the DAGs", found, log)


def _names(pod: KubeObject) -> set[str]:
    spec = pod.get("spec") or {}
    listed = (*(spec.get("initContainers") or []), *(spec.get("containers") or []))
    return {str(one.get("name")) for one in listed}


def _has_cloned(pod: KubeObject) -> bool:
    """Return whether the first clone is done: init container succeeded, sidecar ready."""
    status = pod.get("status") or {}
    for one in status.get("initContainerStatuses") or []:
        if one.get("name") == _FIRST_CLONE:
            ended = (one.get("state") or {}).get("terminated") or {}
            if ended.get("exitCode") != 0:
                return False
    own = [one for one in status.get("containerStatuses") or [] if one.get("name") == _CLONE]
    if _CLONE in _names(pod):
        return bool(own) and all(one.get("ready") for one in own)
    return bool(status.get("initContainerStatuses"))


def list_workloads(kube: Kube, release: Release) -> list[KubeObject]:
    """Return the release's Deployments and StatefulSets."""
    return [
        {**one, "kind": kind}
        for kind in ("Deployment", "StatefulSet")
        for one in kube.find("apps/v1", kind, release.namespace, labels=_labels(release))
    ]


def check_rollout(kube: Kube, release: Release, found: Sequence[KubeObject]) -> StepStatus:
    """Check that all workloads run, and that the API server's Deployment is Available.

    Available depends on the chart's readiness probe, an HTTP request to Airflow's API server.
    """
    listed = f"kubectl -n {release.namespace} get pods"
    if not found:
        return wait_status(
            "no workload of the release exists yet", diagnose_pods(kube, release), listed
        )
    waiting = [one for one in found if not _is_rolled_out(one)]
    name = release.web_name
    if not waiting and is_available(kube, release):
        return StepStatus(
            "holds", f"{len(found)} workloads run; {name} answers its readiness probe"
        )
    names = ", ".join(one["metadata"]["name"] for one in waiting) or name
    why = diagnose_pods(kube, release) or diagnose(_refusal_messages(waiting), REFUSAL_RULES)
    return wait_status(f"not ready: {names}", why, listed)


def _refusal_messages(found: Iterable[KubeObject]) -> list[str]:
    return [str(condition(one, "ReplicaFailure").get("message") or "") for one in found]


def _is_rolled_out(found: KubeObject) -> bool:
    status = found.get("status") or {}
    wanted = (found.get("spec") or {}).get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0)
    counts = (status.get("readyReplicas", 0), status.get("updatedReplicas", 0))
    return bool(seen and min(counts) >= wanted)


def is_available(kube: Kube, release: Release) -> bool:
    """Return whether the Deployment that serves the UI is Available."""
    found = kube.get(Ref("apps/v1", "Deployment", release.web_name, release.namespace))
    return bool(found) and condition(found or {}, "Available").get("status") == "True"
