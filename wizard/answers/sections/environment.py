"""The section Environment: settings of all Airflow containers and of the namespace."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wizard.formats.types import EnvName, Text, TimeZone
from wizard.manifests.contribution import Contribution, EnvVar
from wizard.manifests.network_policy import egress_policy, ingress_settings
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
        if self.network_policies:
            settings.update(ingress_settings(release))
        return Contribution(settings=settings, env=tuple(env))

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Add the egress policy, which needs the flows of all sections."""
        if not self.network_policies:
            return Contribution()
        return Contribution(manifests=(egress_policy(release, total.flows),))
