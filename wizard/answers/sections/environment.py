"""The section Environment: settings of all Airflow containers and of the namespace."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from wizard.answers.sections.namespace import Proxy, Quota
from wizard.answers.sections.workloads import Components
from wizard.formats.address_types import HostName, Network, Port
from wizard.formats.types import EnvName, Text, TimeZone
from wizard.manifests.contribution import Contribution, EnvVar, Flow, combine_contributions
from wizard.manifests.isolation import (
    isolation_note,
    isolation_settings,
    isolation_variables,
    waiting_starts,
)
from wizard.manifests.network_policy import egress_policies
from wizard.manifests.openshift import scc_bindings
from wizard.manifests.pod_security import restricted_collector, restricted_settings
from wizard.manifests.pod_standards import require_restricted
from wizard.manifests.quota import quota_settings, require_room
from wizard.manifests.release import Release
from wizard.manifests.tree import File
from wizard.questions.cases import DATABASE_CLEANUP, KUBERNETES, NETWORK_POLICIES
from wizard.questions.effects import Effect
from wizard.questions.section import Model, QuestionInfo, Section


class Egress(Model):
    """One port outside the namespace that pods connect to."""

    # Strict: otherwise true would be port 1.
    port: Annotated[Port, Field(strict=True)]
    host: HostName = ""
    # Absent from answers that name none.
    cidr: Network | None = None
    components: Components = Field(default_factory=list)

    @field_validator("cidr")
    @classmethod
    def _require_one_place(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.data.get("host"):
            raise ValueError("give host or cidr, not both: only a cidr limits the port to a place")
        return value

    def build_flow(self, release: Release) -> Flow:
        """Return the connection; it is the tasks' own if no component is named."""
        purpose = f"answers: {', '.join(self.components) or 'tasks'}"
        web = release.web_component
        named = tuple(web if one == "api-server" else one for one in self.components)
        chosen = named or release.task_runners
        chosen = () if "all" in chosen else chosen
        return Flow(purpose, self.host, self.port, chosen, network=self.cidr or "")


_CLEANED = Effect(
    "database-cleanup",
    "data",
    "Every Sunday, Airflow removes runs, task instances and other records of the past that are "
    "older than the retention. It moves them to archive tables of the same database.",
    lambda old, new: bool(new) and new is not old,
)
_SHORTER = Effect(
    "shorter-retention",
    "data",
    "The next cleanup also removes records that are between {new} and {old} days old.",
    lambda old, new: new < old,
)


class Cleanup(Model):
    """What Airflow deletes when it is old."""

    database: Annotated[bool, QuestionInfo(effects=(_CLEANED,))] = Field(
        default=False,
        title="Clean database",
        description=(
            "Remove old records of runs and tasks every week. Without it, the database grows "
            "for ever."
        ),
    )
    retention_days: Annotated[
        int, Field(ge=1, le=3650), QuestionInfo(when=DATABASE_CLEANUP, effects=(_SHORTER,))
    ] = Field(default=90, title="Days", description="Days that records are kept.")
    pods: Annotated[bool, QuestionInfo(when=KUBERNETES)] = Field(
        default=False,
        title="Clean pods",
        description="Delete pods of finished tasks that are left over, every 15 minutes.",
    )

    def build_settings(self, release: Release) -> dict[str, object]:
        """Return the settings of the chart's two CronJobs."""
        settings: dict[str, object] = {}
        if self.database:
            settings["databaseCleanup.enabled"] = True
            settings["databaseCleanup.retentionDays"] = self.retention_days
        if self.pods and release.kubernetes:
            settings["cleanup.enabled"] = True
        return settings


_ISOLATED = Effect(
    "isolated-database",
    "interrupt",
    "Tasks that connect to the metadata database fail. Celery looks for results in another place: "
    "let running tasks end first.",
)


_RESTRICTED = Effect(
    "restricted-pods",
    "interrupt",
    "The cluster refuses pods that DAGs start (KubernetesPodOperator, pod_override) unless they "
    "meet the standard restricted.",
    lambda _, new: new == "restricted",
)


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
    egress: Annotated[
        list[Egress],
        QuestionInfo(
            when=NETWORK_POLICIES,
            takes="a list of {port, host or cidr, components}. port: a TCP port. cidr: the network "
            "that it is opened for, such as 10.20.0.0/16. host: whose port it is, for readers: a "
            "policy knows no names, so the port is open on any host. components: all, or a list of "
            "api-server, scheduler, dag-processor, triggerer, worker; without it, those that run "
            "tasks",
            example="[{port: 1433, host: mssql.example.internal}, "
            "{port: 389, cidr: 10.20.0.0/16, components: [api-server]}]",
        ),
    ] = Field(
        default_factory=list,
        title="More egress",
        description=(
            "Ports outside the namespace that your DAGs use, such as a data warehouse's. The "
            "wizard adds those that the answers and values name."
        ),
    )
    # Always asked: a rule refuses what it cannot do, so that nobody takes it for done.
    isolate_database: Annotated[bool, QuestionInfo(effects=(_ISOLATED,))] = Field(
        default=False,
        title="Isolate database",
        description=(
            "Airflow 3: workers and task pods get no URL of the metadata database, and network "
            "policies block its port for them. Celery then keeps results in its broker, Redis."
        ),
    )
    cleanup: Cleanup = Field(default_factory=Cleanup, title="Cleanup")
    pod_security: Annotated[
        Literal["none", "baseline", "restricted"],
        QuestionInfo(
            preview="argocd/application",
            labels={
                "none": "no labels",
                "baseline": "baseline enforced",
                "restricted": "restricted enforced, and met by the chart's pods",
            },
            effects=(_RESTRICTED,),
        ),
    ] = Field(
        default="none",
        title="Pod security",
        description=(
            "Pod Security Standard that the cluster enforces in the namespace. Pods that your DAGs "
            "start must meet it too."
        ),
    )
    openshift: bool = Field(
        default=False,
        title="OpenShift",
        description=(
            "Bind the ServiceAccounts to the SCC anyuid: the images run as users outside of the "
            "range that OpenShift gives a namespace."
        ),
    )
    proxy: Proxy = Field(default_factory=Proxy, title="Proxy")
    quota: Quota = Field(default_factory=Quota, title="Quota")

    def contribute(self, release: Release) -> Contribution:
        """Set the variables of all containers, and the chart's network policies."""
        env = [
            EnvVar("AIRFLOW__CORE__DEFAULT_TIMEZONE", self.timezone),
            *(EnvVar(name, value) for name, value in sorted(self.variables.items())),
        ]
        settings: dict[str, object] = {
            "config.core.load_examples": "True" if self.load_examples else "False",
            **self.cleanup.build_settings(release),
            **({"rbac.createSCCRoleBinding": True} if self.openshift else {}),
        }
        flows: tuple[Flow, ...] = ()
        notes: tuple[str, ...] = ()
        if self.network_policies:
            settings["networkPolicies.enabled"] = True
            flows = tuple(one.build_flow(release) for one in self.egress)
        if release.isolated_database:
            settings |= isolation_settings(release)
            env += isolation_variables(release)
            notes = (isolation_note(release),)
        if self.pod_security == "restricted":
            settings |= restricted_settings(release)
        settings |= quota_settings(self.quota.limits)
        own = Contribution(
            settings=settings,
            env=tuple(env),
            flows=flows,
            manifests=scc_bindings(release) if self.openshift else (),
            notes=notes,
        )
        return combine_contributions([own, self.proxy.contribute(release)])

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Add the egress policies and git-sync's proxy, which follow from all other answers.

        Raises AnswersError if the components do not fit into the quota, or do not meet the standard
        that the namespace enforces.
        """
        require_room(release, self.quota.limits, total.values, total.manifests)
        settings = self.proxy.git_settings(release, total.values)
        if self.pod_security == "restricted":
            own = "podTemplate" in total.settings
            require_restricted(total.values, own_template=own)
            settings |= restricted_collector(total.values)
        if release.isolated_database:
            settings |= waiting_starts(release, total.settings)
        policies: tuple[File, ...] = ()
        if self.network_policies:
            policies = egress_policies(release, total.flows, total.values)
        return Contribution(settings=settings, manifests=policies)
