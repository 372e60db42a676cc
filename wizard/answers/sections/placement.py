"""Questions on where pods run, and on the identity that they have at a cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from wizard.chart.contract import get_chart_value
from wizard.formats.identity_types import CloudIdentity
from wizard.formats.types import AnnotationKey, LabelKey, LabelValue, ObjectName
from wizard.manifests.release import Release
from wizard.questions.cases import WORKERS
from wizard.questions.section import Model, QuestionInfo

_TOPOLOGY = {"nodes": "kubernetes.io/hostname", "zones": "topology.kubernetes.io/zone"}
_WORKERS = {"workers.celery": "worker", "workers.kubernetes": "worker"}
# The chart's Jobs, which run the image of Airflow.
_JOBS = ("migrateDatabaseJob", "createUserJob", "databaseCleanup", "cleanup")


class Toleration(Model):
    """A taint of nodes that pods tolerate; without a value, any value of the taint."""

    key: LabelKey
    value: LabelValue = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    seconds: Annotated[int, Field(ge=0, le=86_400, strict=True)] | None = None

    @model_validator(mode="after")
    def _agree(self) -> Toleration:
        if self.seconds is not None and self.effect != "NoExecute":
            raise ValueError("seconds needs effect: NoExecute: only that taint evicts pods")
        return self

    def to_values(self) -> dict[str, object]:
        """Return the toleration as Kubernetes writes it."""
        found: dict[str, object] = {"key": self.key, "operator": "Exists"}
        if self.value:
            found |= {"operator": "Equal", "value": self.value}
        if self.effect:
            found["effect"] = self.effect
        if self.seconds is not None:
            found["tolerationSeconds"] = self.seconds
        return found


class Placement(Model):
    """The nodes of one group of pods."""

    node_selector: dict[LabelKey, LabelValue] = Field(
        default_factory=dict,
        title="Node selector",
        description="NAME=VALUE labels that a node must have, such as pool=airflow.",
    )
    tolerations: Annotated[
        list[Toleration],
        QuestionInfo(
            takes="a list of {key, value, effect, seconds}. key: the taint's. value: without it, "
            "any. effect: NoSchedule, PreferNoSchedule or NoExecute; without it, all. seconds: "
            "with NoExecute, how long a pod stays",
            example="[{key: spot, value: 'true', effect: NoSchedule}]",
        ),
    ] = Field(
        default_factory=list,
        title="Tolerations",
        description="Taints of nodes that the pods tolerate, such as that of a spot pool.",
    )
    spread: Annotated[
        Literal["none", "nodes", "zones"],
        QuestionInfo(labels={"none": "by the chart", "nodes": "over nodes", "zones": "over zones"}),
    ] = Field(
        default="none",
        title="Spread",
        description="Spread the pods of each component evenly, where there is room.",
    )
    priority_class: ObjectName = Field(
        default="",
        title="Priority class",
        description="Name of an existing PriorityClass. Empty: the cluster's default.",
    )

    def build_settings(self, release: Release, components: Mapping[str, str]) -> dict[str, object]:
        """Return the settings of the components, which map the chart's key to the label."""
        settings: dict[str, object] = {}
        for key, label in components.items():
            if self.node_selector:
                settings[f"{key}.nodeSelector"] = dict(self.node_selector)
            if self.tolerations:
                settings[f"{key}.tolerations"] = [one.to_values() for one in self.tolerations]
            if self.priority_class:
                settings[f"{key}.priorityClassName"] = self.priority_class
            if self.spread != "none" and label:
                settings[f"{key}.topologySpreadConstraints"] = [self._spread(release, label)]
        return settings

    def _spread(self, release: Release, label: str) -> dict[str, Any]:
        pods = {"tier": "airflow", "component": label, "release": release.names.release}
        return {
            "maxSkew": 1,
            "topologyKey": _TOPOLOGY[self.spread],
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": pods},
        }


class Schedule(Model):
    """Placement, once for what runs all the time and once for tasks."""

    services: Placement = Field(default_factory=Placement, title="Placement")
    tasks: Annotated[Placement, QuestionInfo(when=WORKERS)] = Field(
        default_factory=Placement, title="Task placement"
    )

    def build_settings(self, release: Release, values: Mapping[str, Any]) -> dict[str, object]:
        """Return the settings of all components that run by the values in effect."""
        tasks = {key: label for key, label in _WORKERS.items() if _runs(release, key)}
        services = dict(_list_services(release, values))
        return {
            **self.services.build_settings(release, services),
            **self.tasks.build_settings(release, tasks),
        }


class ComponentAccount(Model):
    """What the ServiceAccount of one component carries besides."""

    component: Literal["api-server", "scheduler", "dag-processor", "triggerer", "worker"]
    annotations: dict[AnnotationKey, CloudIdentity]


class ServiceAccounts(Model):
    """What the ServiceAccounts carry."""

    annotations: dict[AnnotationKey, CloudIdentity] = Field(
        default_factory=dict,
        title="Annotations",
        description=(
            "NAME=VALUE annotations of the ServiceAccounts that run Airflow's image, such as "
            "eks.amazonaws.com/role-arn for a cloud identity. Pods get it when they restart."
        ),
    )
    by_component: Annotated[
        list[ComponentAccount],
        QuestionInfo(
            takes="a list of {component, annotations}. component: api-server (Airflow 2: the "
            "webserver), scheduler, dag-processor, triggerer or worker, which task pods share",
            example="[{component: worker, annotations: "
            "{azure.workload.identity/client-id: 11111111-2222-3333-4444-555555555555}}]",
        ),
    ] = Field(
        default_factory=list,
        title="By component",
        description="Annotations of single components, such as an identity for workers only. They "
        "win over those of all.",
    )

    @model_validator(mode="after")
    def _once(self) -> ServiceAccounts:
        named = [one.component for one in self.by_component]
        if len(set(named)) != len(named):
            raise ValueError("name each component once in by_component")
        return self

    def build_settings(self, release: Release, values: Mapping[str, Any]) -> dict[str, object]:
        """Return the settings of the accounts."""
        own: dict[str, dict[str, str]] = {
            one.component: one.annotations for one in self.by_component
        }
        keys = _list_airflow(release, values)
        if release.kubernetes and not release.celery:
            # Task pods use the account of the workers.
            keys = [*(one for one in keys if one != "workers.kubernetes"), "workers.celery"]
        found = {key: {**self.annotations, **own.get(_label_of(release, key), {})} for key in keys}
        return {f"{key}.serviceAccount.annotations": one for key, one in found.items() if one}


def label_settings(
    release: Release, labels: Mapping[str, str], values: Mapping[str, Any]
) -> dict[str, object]:
    """Return the settings that label the pods that run Airflow's image."""
    if not labels:
        return {}
    return {f"{key}.labels": dict(labels) for key in _list_airflow(release, values)}


def _list_jobs(values: Mapping[str, Any]) -> list[str]:
    return [one for one in _JOBS if get_chart_value(values, f"{one}.enabled")]


def _list_services(release: Release, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the chart's keys of what is no worker, and their labels; Jobs are not spread."""
    yield release.web_key, release.web_component
    yield from (("scheduler", "scheduler"), ("dagProcessor", "dag-processor"))
    yield "triggerer", "triggerer"
    if release.pgbouncer:
        yield "pgbouncer", "pgbouncer"
    yield from (("redis", ""),) if release.chart_redis else ()
    if get_chart_value(values, "statsd.enabled"):
        yield "statsd", ""
    yield from ((job, "") for job in _list_jobs(values))


def _list_airflow(release: Release, values: Mapping[str, Any]) -> list[str]:
    services = [release.web_key, "scheduler", "dagProcessor", "triggerer"]
    workers = [key for key in _WORKERS if _runs(release, key)]
    return [*services, *workers, *_list_jobs(values)]


def _label_of(release: Release, key: str) -> str:
    """Return the name of a chart's key in `by_component`; that of a Job is the key itself."""
    own = {release.web_key: "api-server", "dagProcessor": "dag-processor", **_WORKERS}
    return own.get(key, key)


def _runs(release: Release, key: str) -> bool:
    return release.celery if key == "workers.celery" else release.kubernetes
