"""Environment: what all of Airflow's containers share, and how the namespace is kept."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wizard.formats.types import EnvName, Text, TimeZone
from wizard.manifests.contribution import Contribution, EnvVar
from wizard.manifests.network_policy import egress_policy, ingress_settings
from wizard.manifests.release import Release
from wizard.questions.section import QuestionInfo, Section


class Environment(Section):
    """Time zone, variables and the namespace's guard rails."""

    title: ClassVar[str] = "Environment"
    intro: ClassVar[str] = "What every Airflow container sees, and what the namespace allows."

    timezone: TimeZone = Field(
        default="UTC",
        title="Time zone",
        description="Zone in which schedules without one are read (core.default_timezone).",
    )
    load_examples: bool = Field(
        default=False, title="Examples", description="Show Airflow's example DAGs."
    )
    variables: dict[EnvName, Text] = Field(
        default_factory=dict,
        title="Variables",
        description="Environment variables NAME=VALUE for all containers; no secrets here.",
    )
    reloader: bool = Field(
        default=False,
        title="Reloader",
        description=(
            "Restart pods when a Secret changes, by Stakater Reloader; without it a rotated "
            "Secret restarts nothing."
        ),
    )
    disruption_budgets: bool = Field(
        default=False,
        title="Disruption budgets",
        description="Keep a pod of each replicated component while nodes are drained.",
    )
    network_policies: bool = Field(
        default=False,
        title="Network policies",
        description=(
            "Deny what Airflow does not need. The chart has no egress rules: ours list "
            "database, Git, broker and DNS."
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
        description="Pod security labels of the namespace; the chart's Redis is not restricted.",
    )

    def contribute(self, release: Release) -> Contribution:
        """Environment of all containers and the network policies."""
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
        """The egress policy needs everybody's flows, so it is made last."""
        if not self.network_policies:
            return Contribution()
        return Contribution(manifests=(egress_policy(release, total.flows),))
