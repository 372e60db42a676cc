"""Compare an installation's demand with a namespace's quotas and the storage classes; pure.

The demand is the pods and volumes of the answers at the maximum of autoscaling, plus the chart's
StatsD and one Job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from wizard.engine.probes import ProbeResult, fail_result, pass_result, warn_result
from wizard.errors import Fix
from wizard.formats.quantities import format_quantity, parse_quantity

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release

_DEFAULT_CLASS_ANNOTATION = "storageclass.kubernetes.io/is-default-class"
# Drivers of block volumes, which attach to one node at a time. Source: their documentation.
_SINGLE_NODE_PROVISIONERS = frozenset(
    {
        "ebs.csi.aws.com", "disk.csi.azure.com", "pd.csi.storage.gke.io",
        "cinder.csi.openstack.org", "csi.vsphere.vmware.com", "rancher.io/local-path",
        "kubernetes.io/aws-ebs", "kubernetes.io/gce-pd", "kubernetes.io/azure-disk",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PodDemand:
    """Pods of one kind; an empty string is an amount that is not set."""

    who: str
    count: int
    cpu: str = ""
    memory: str = ""
    memory_limit: str = ""


@dataclass(frozen=True, slots=True)
class VolumeDemand:
    """Volumes of one kind; an empty class means the cluster's default.

    `shared`: pods on several nodes mount it. `question` is the answer that names the class.
    """

    who: str
    count: int
    size: str
    storage_class: str = ""
    shared: bool = False
    question: str = "logs.storage_class"


def list_pods(answers: Answers, release: Release) -> Iterator[PodDemand]:
    """Yield every kind of pod at its maximum count."""
    size = answers.components
    web = "API server" if release.airflow_3 else "webserver"
    for who, one in (
        (web, size.api_server),
        ("scheduler", size.scheduler),
        ("DAG processor", size.dag_processor),
        ("triggerer", size.triggerer),
    ):
        yield PodDemand(who, one.replicas, one.cpu, one.memory, one.memory_limit)
    if release.celery:
        workers = answers.executor.workers
        own = workers.resources
        yield PodDemand("worker", _most_workers(answers), own.cpu, own.memory, own.memory_limit)
    if release.pgbouncer:
        yield PodDemand("PgBouncer", answers.database.pgbouncer.replicas)
    if release.chart_redis:
        yield PodDemand("Redis", 1)
    if release.bundled_database:
        yield PodDemand("PostgreSQL", 1)
    if release.database_cluster:
        cluster = answers.database.cluster
        yield PodDemand("PostgreSQL", cluster.instances, cluster.cpu, cluster.memory)
    yield PodDemand("StatsD and a Job", 2)


def list_volumes(answers: Answers, release: Release) -> Iterator[VolumeDemand]:
    """Yield every kind of persistent volume that the pods claim."""
    triggerer = answers.components.triggerer
    yield VolumeDemand("triggerer", triggerer.replicas, triggerer.persistence)
    if release.celery:
        yield VolumeDemand("worker", _most_workers(answers), answers.executor.workers.persistence)
    if release.local:
        replicas = answers.components.scheduler.replicas
        yield VolumeDemand("scheduler", replicas, answers.executor.local_persistence)
    if release.chart_redis and answers.broker.persistence:
        yield VolumeDemand("Redis", 1, answers.broker.persistence)
    if release.bundled_database:
        yield VolumeDemand("PostgreSQL", 1, "8Gi")
    if release.database_cluster:
        cluster = answers.database.cluster
        key = "database.cluster.storage_class"
        yield VolumeDemand(
            "PostgreSQL", cluster.instances, cluster.size, cluster.storage_class, question=key
        )
    logs = answers.logs
    if logs.kind == "volume" and not logs.existing_claim:
        yield VolumeDemand("logs", 1, logs.size, logs.storage_class, shared=True)
    own = answers.dags.volume
    if release.dag_source == "volume" and not own.existing_claim:
        yield VolumeDemand(
            "DAGs",
            1,
            own.size,
            own.storage_class,
            own.access_mode != "ReadWriteOnce",
            "dags.volume.storage_class",
        )


def _most_workers(answers: Answers) -> int:
    workers = answers.executor.workers
    return workers.replicas if workers.autoscaling == "none" else workers.max_replicas


def judge_quotas(
    quotas: Sequence[Mapping[str, Any]],
    running: Sequence[PodDemand],
    claimed: Sequence[VolumeDemand],
    *,
    defaults: bool,
    installed: bool,
) -> ProbeResult:
    """Check that the namespace's ResourceQuotas have room.

    `defaults` means that a LimitRange sets the amounts that pods do not set. `installed` means that
    some pods already run and count as used, so the demand is compared with the whole quota.
    """
    problems: list[str] = []
    needed = _sum_demands(running, claimed)
    for quota in quotas:
        name = quota["metadata"]["name"]
        status = quota.get("status", {})
        hard = status.get("hard") or quota.get("spec", {}).get("hard", {})
        for resource, limit in sorted(hard.items()):
            want = needed.get(_normalize_resource(resource))
            if want is None:
                continue
            unset = [one for one in running if _is_unset(one, _normalize_resource(resource))]
            if unset and not defaults:
                who = ", ".join(one.who for one in unset)
                problems.append(f"{name} limits {resource}, which is not set for {who}")
            used = (
                Decimal(0)
                if installed
                else parse_quantity(str(status.get("used", {}).get(resource, 0)))
            )
            free = parse_quantity(str(limit)) - used
            if want > free:
                problems.append(
                    f"{name} has {format_quantity(free)} of {resource} left, "
                    f"{format_quantity(want)} needed"
                )
    if problems:
        return fail_result(
            "; ".join(problems), "ask for a larger quota, or reduce replicas and sizes"
        )
    count = f"{len(quotas)} quota{'s' if len(quotas) != 1 else ''}"
    return pass_result(
        f"{count} with room for {format_quantity(needed['pods'])} pods" if quotas else "no quota"
    )


def _normalize_resource(resource: str) -> str:
    """Return the current name of a resource: `cpu` is requests.cpu, `count/pods` is pods."""
    short = resource.removeprefix("count/")
    return {"cpu": "requests.cpu", "memory": "requests.memory"}.get(short, short)


def _is_unset(one: PodDemand, resource: str) -> bool:
    amounts = {
        "requests.cpu": one.cpu,
        # The request defaults to the limit.
        "requests.memory": one.memory or one.memory_limit,
        "limits.memory": one.memory_limit,
    }
    return resource == "limits.cpu" or (resource in amounts and not amounts[resource])


def _sum_demands(
    running: Sequence[PodDemand], claimed: Sequence[VolumeDemand]
) -> dict[str, Decimal]:
    def total(field: str) -> Decimal:
        parts = [parse_quantity(getattr(one, field) or "0") * one.count for one in running]
        return sum(parts, Decimal(0))

    return {
        "pods": Decimal(sum(one.count for one in running)),
        "requests.cpu": total("cpu"),
        "requests.memory": total("memory"),
        "limits.cpu": Decimal(0),
        "limits.memory": total("memory_limit"),
        "persistentvolumeclaims": Decimal(sum(one.count for one in claimed)),
        "requests.storage": sum(
            (parse_quantity(one.size) * one.count for one in claimed), Decimal(0)
        ),
    }


def judge_classes(
    classes: Sequence[Mapping[str, Any]], claimed: Sequence[VolumeDemand]
) -> ProbeResult:
    """Check that the cluster has a storage class for each volume."""
    by_name = {one["metadata"]["name"]: one for one in classes}
    default = next((n for n, one in sorted(by_name.items()) if _is_default(one)), "")
    for one in claimed:
        name = one.storage_class or default
        if not name:
            return fail_result(
                f"the cluster has no default StorageClass, and the volumes of {one.who} name none",
                f"annotate a StorageClass with {_DEFAULT_CLASS_ANNOTATION}=true",
            )
        if name not in by_name:
            known = ", ".join(sorted(by_name)) or "none"
            return fail_result(
                f"StorageClass {name} of {one.who} does not exist; existing: {known}",
                Fix(f"correct {one.question}", one.question),
            )
    for one in claimed:
        name = one.storage_class or default
        provisioner = str(by_name[name].get("provisioner", ""))
        if one.shared and provisioner in _SINGLE_NODE_PROVISIONERS:
            return warn_result(
                f"StorageClass {name} ({provisioner}) attaches volumes to one node at a time, but "
                f"{one.who} need ReadWriteMany",
                Fix(f"set {one.question} to a class with file storage", one.question),
            )
    return pass_result(f"default class {default}" if default else "each volume names its class")


def _is_default(storage_class: Mapping[str, Any]) -> bool:
    annotations = storage_class["metadata"].get("annotations") or {}
    return str(annotations.get(_DEFAULT_CLASS_ANNOTATION)) == "true"
