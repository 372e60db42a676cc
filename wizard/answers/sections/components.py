"""The section Components: replicas and resources of Airflow's components."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from wizard.answers.sections.placement import Schedule, ServiceAccounts, label_settings
from wizard.formats.types import AnnotationKey, LabelKey, LabelValue, PodAnnotation, Quantity
from wizard.manifests.contribution import Contribution
from wizard.manifests.release import Release
from wizard.questions.section import Model, QuestionInfo, Section


class Component(Model):
    """Replicas and resources of one component."""

    replicas: int = Field(default=1, ge=1, le=50, title="Replicas", description="Number of pods.")
    cpu: Quantity = Field(
        default="", title="CPU", description="CPU request, such as 500m. Empty: no request."
    )
    memory: Quantity = Field(
        default="", title="Memory", description="Memory request, such as 1Gi. Empty: no request."
    )
    memory_limit: Quantity = Field(
        default="", title="Memory limit", description="Memory limit, such as 2Gi. Empty: no limit."
    )

    def to_settings(self, key: str) -> dict[str, object]:
        """Return the settings below the component's key, without empty values."""
        requests = {"cpu": self.cpu, "memory": self.memory}
        resources = {
            "requests": {name: amount for name, amount in requests.items() if amount},
            "limits": {"memory": self.memory_limit} if self.memory_limit else {},
        }
        found = {name: amounts for name, amounts in resources.items() if amounts}
        settings: dict[str, object] = {f"{key}.replicas": self.replicas}
        if found:
            settings[f"{key}.resources"] = found
        return settings


class Triggerer(Component):
    """The triggerer, which keeps its logs on its own volume."""

    persistence: Annotated[Quantity, QuestionInfo(required=True)] = Field(
        default="5Gi", title="Log volume", description="Size of each triggerer's log volume."
    )


class Components(Section):
    """Replicas and resources of the components."""

    title: ClassVar[str] = "Components"
    intro: ClassVar[str] = "Two API servers and two schedulers survive the loss of a node."

    api_server: Component = Field(default_factory=Component, title="API server")
    scheduler: Component = Field(default_factory=Component, title="Scheduler")
    dag_processor: Component = Field(default_factory=Component, title="DAG processor")
    triggerer: Triggerer = Field(default_factory=Triggerer, title="Triggerer")
    schedule: Schedule = Field(default_factory=Schedule, title="Schedule")
    service_account: ServiceAccounts = Field(
        default_factory=ServiceAccounts, title="ServiceAccounts"
    )
    pod_labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict,
        title="Pod labels",
        description=(
            "NAME=VALUE labels of the pods that run Airflow's image, such as "
            "azure.workload.identity/use=true."
        ),
    )
    pod_annotations: dict[AnnotationKey, PodAnnotation] = Field(
        default_factory=dict,
        title="Pod annotations",
        description=(
            "NAME=VALUE annotations of the pods that run Airflow's image, tasks included, such as "
            "those by which the agent of Datadog or Dynatrace finds them."
        ),
    )

    def contribute(self, release: Release) -> Contribution:
        """Set replicas, resources, disruption budgets and Reloader annotations per component."""
        web = release.web_key
        sizes = {web: self.api_server, "scheduler": self.scheduler}
        settings: dict[str, object] = {"dagProcessor.enabled": True}
        for key, component in {
            **sizes,
            "dagProcessor": self.dag_processor,
            "triggerer": self.triggerer,
        }.items():
            settings.update(component.to_settings(key))
            if release.reloader:
                settings[f"{key}.annotations"] = dict(release.reloader)
            if release.disruption_budgets and component.replicas > 1:
                settings[f"{key}.podDisruptionBudget"] = {"enabled": True}
        settings["triggerer.persistence.size"] = self.triggerer.persistence
        settings[f"{web}.startupProbe.failureThreshold"] = 20
        if self.pod_annotations:
            settings["airflowPodAnnotations"] = dict(self.pod_annotations)
        comments = {f"{web}.startupProbe.failureThreshold": "Airflow starts slowly on small nodes"}
        return Contribution(settings=settings, comments=comments)

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Place, label and name the pods that run by the values in effect."""
        values = total.values
        return Contribution(
            settings={
                **self.schedule.build_settings(release, values),
                **self.service_account.build_settings(release, values),
                **label_settings(release, self.pod_labels, values),
            }
        )
