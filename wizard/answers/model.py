"""The model of the answers; the wizard asks its sections in the order of the fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, PrivateAttr

from wizard.answers.sections.access import Access
from wizard.answers.sections.admin import Admin
from wizard.answers.sections.broker import Broker
from wizard.answers.sections.cluster import Cluster
from wizard.answers.sections.components import Components
from wizard.answers.sections.dags import Dags
from wizard.answers.sections.database import Database
from wizard.answers.sections.delivery import Delivery
from wizard.answers.sections.environment import Environment
from wizard.answers.sections.executor import Executor
from wizard.answers.sections.installation import Installation
from wizard.answers.sections.logs import Logs
from wizard.answers.sections.metrics import Metrics
from wizard.answers.sections.repository import RepositorySection
from wizard.answers.sections.secrets import Secrets
from wizard.questions.section import Model, Section


class Answers(Model):
    """All sections of one installation; immutable.

    To add a section, write its module and add one line here. `kept` are given answers that do not
    apply, by key: they have no effect, but they stay in the answers file, so that a later change
    can use them again.
    """

    model_config = ConfigDict(populate_by_name=True, title="Answers of Airflow Wizard")

    schema_: Literal[1] = Field(default=1, alias="schema", description="Version of this format.")
    installation: Installation = Field(default_factory=Installation)
    cluster: Cluster = Field(default_factory=Cluster)
    executor: Executor = Field(default_factory=Executor)
    components: Components = Field(default_factory=Components)
    logs: Logs = Field(default_factory=Logs)
    database: Database = Field(default_factory=Database)
    broker: Broker = Field(default_factory=Broker)
    dags: Dags = Field(default_factory=Dags)
    access: Access = Field(default_factory=Access)
    secrets: Secrets = Field(default_factory=Secrets)
    admin: Admin = Field(default_factory=Admin)
    environment: Environment = Field(default_factory=Environment)
    metrics: Metrics = Field(default_factory=Metrics)
    delivery: Delivery = Field(default_factory=Delivery)
    repository: RepositorySection = Field(default_factory=RepositorySection)
    values: dict[str, Any] = Field(
        default_factory=dict,
        title="Values",
        description="Helm values that no question covers. Merged last and checked like the rest.",
    )

    _kept: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def kept(self) -> Mapping[str, Any]:
        """Return the given answers that do not apply, as plain data by dotted key."""
        return self._kept

    def with_kept(self, kept: Mapping[str, Any]) -> Self:
        """Return a copy with these answers that do not apply."""
        copy = self.model_copy()
        copy._kept = dict(kept)
        return copy


def applicable_sections(answers: Answers) -> dict[str, Section]:
    """Return the sections that apply, by name, in the order of the wizard."""
    found = {}
    for name in type(answers).model_fields:
        section = getattr(answers, name)
        if isinstance(section, Section) and section.when.holds(answers):
            found[name] = section
    return found
