"""The section Environment: settings of all Airflow containers and of the namespace."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wizard.answers.conditions import NETWORK_POLICIES
from wizard.formats.types import EnvName, ObjectName, PortNumbers, Text, TimeZone
from wizard.manifests.contribution import Contribution, EnvVar, Flow
from wizard.manifests.network_policy import egress_policies, ingress_settings
from wizard.manifests.release import Release
from wizard.questions.section import QuestionInfo, Section


class Environment(Section):
    """Time zone, variables and the namespace's policies."""

    title: ClassVar[str] = "Environment"
    intro: ClassVar[str] = "Settings of every Airflow container, and policies of the namespace."

    timezone: TimeZone = Field(
        default="UTC",
        title="Time zone",
        description="Time zone of schedules that name none (core.default_timezone).",
    )
    load_examples: bool = Field(
        default=False, title="Examples", description="Show Airflow's example DAGs."
    )
    variables: dict[EnvName, Text] = Field(
        default_factory=dict,
        title="Variables",
        description="Environment variables NAME=VALUE for all containers. Do not put secrets here.",
    )
    reloader: bool = Field(
        default=False,
        title="Reloader",
        description=(
            "Let Stakater Reloader restart pods when a Secret changes. Without it, you restart "
            "pods after rotating a Secret."
        ),
    )
    disruption_budgets: bool = Field(
        default=False,
        title="Disruption budgets",
        description="Keep one pod of each replicated component running while nodes are drained.",
    )
    network_policies: bool = Field(
        default=False,
        title="Network policies",
        description=(
            "Deny traffic that Airflow does not need. The chart has no egress rules; the wizard "
            "adds rules for database, Git, broker and DNS."
        ),
    )
    ingress_namespace: Annotated[ObjectName, QuestionInfo(when=NETWORK_POLICIES)] = Field(
        default="",
        title="Ingress namespace",
        description=(
            "Namespace of the ingress controller, if values.ingress enables one. Empty: pods of "
            "every namespace can reach the UI."
        ),
    )
    egress_ports: Annotated[PortNumbers, QuestionInfo(when=NETWORK_POLICIES)] = Field(
        default="",
        title="Task ports",
        description=(
            "TCP ports outside the namespace that tasks connect to, such as 1433,3306. The wizard "
            "adds those that the answers name."
        ),
    )
    pod_security: Annotated[
        Literal["none", "baseline", "restricted"],
        QuestionInfo(
            preview="argocd/application",
            labels={
                "none": "no labels",
                "baseline": "baseline enforced",
                "restricted": "baseline enforced, restricted warned",
            },
        ),
    ] = Field(
        default="none",
        title="Pod security",
        description="Pod security labels of the namespace. The chart's Redis violates restricted.",
    )

    def contribute(self, release: Release) -> Contribution:
        """Set the variables of all containers, and the chart's network policies."""
        env = [
            EnvVar("AIRFLOW__CORE__DEFAULT_TIMEZONE", self.timezone),
            *(EnvVar(name, value) for name, value in sorted(self.variables.items())),
        ]
        settings: dict[str, object] = {
            "config.core.load_examples": "True" if self.load_examples else "False"
        }
        flows: tuple[Flow, ...] = ()
        if self.network_policies:
            settings["networkPolicies.enabled"] = True
            flows = tuple(
                Flow("tasks", "", int(port), release.task_runners)
                for port in self.egress_ports.split(",")
                if port
            )
        return Contribution(settings=settings, env=tuple(env), flows=flows)

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Add the policies' peers and ports, which follow from all other answers."""
        if not self.network_policies:
            return Contribution()
        return Contribution(
            settings=ingress_settings(release, total.values, self.ingress_namespace),
            manifests=egress_policies(release, total.flows, total.values),
        )
