"""Adding a section is one class and one line: everything else follows from its fields."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pytest
import yaml
from pydantic import ConfigDict, Field

from tests.support.rendered import filled, values
from wizard.answers.explain import explain_question
from wizard.answers.files import answers_text, parse_answers, validate_answers
from wizard.answers.model import Answers
from wizard.answers.questions import FieldSpec, field_spec, field_specs
from wizard.errors import AnswersError
from wizard.formats.types import HostName, Port
from wizard.manifests.contribution import (
    Contribution,
    ContributionClashError,
    EnvVar,
    Flow,
    StepSpec,
)
from wizard.manifests.objects import manifest_file, object_metadata
from wizard.manifests.release import Release
from wizard.plan.render import render
from wizard.questions.conditions import when
from wizard.questions.section import QuestionInfo, Section

ENABLED = when("metrics", "metrics.enabled", True)


class Metrics(Section):
    """Where metrics go."""

    title: ClassVar[str] = "Metrics"
    intro: ClassVar[str] = "StatsD metrics of all components."

    enabled: bool = Field(default=False, title="Metrics", description="Send metrics somewhere.")
    host: Annotated[
        HostName, QuestionInfo(when=ENABLED, required=True, source="Airflow, metrics")
    ] = Field(default="", title="Host", description="Address of the StatsD server.")
    port: Annotated[Port, QuestionInfo(when=ENABLED)] = Field(
        default=8125, title="Port", description="UDP port of the StatsD server."
    )

    def contribute(self, release: Release) -> Contribution:
        """Airflow's own StatsD client instead of the chart's exporter."""
        if not self.enabled:
            return Contribution()
        data = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": object_metadata(release, "metrics"),
        }
        return Contribution(
            settings={"statsd.enabled": False, "config.metrics.statsd_host": self.host},
            env=(EnvVar("STATSD_PORT", str(self.port)),),
            flows=(Flow("metrics", self.host, self.port, protocol="UDP"),),
            manifests=(manifest_file(release, "metrics", data),),
            steps=(StepSpec("metrics.open", "Open the StatsD port", "platform"),),
            notes=("## Metrics\n\nSee the dashboards.",),
        )


class More(Answers):
    """The answers with one line more."""

    model_config = ConfigDict(title="More")

    metrics: Metrics = Field(default_factory=Metrics)


CHANGES: dict[str, object] = {"metrics": {"enabled": True, "host": "statsd.example.internal"}}


def test_questions_follow() -> None:
    added = field_specs(More)[len(field_specs()) :]
    assert [item.key for item in added] == ["metrics.enabled", "metrics.host", "metrics.port"]
    host = field_spec("metrics.host", More)
    assert isinstance(host, FieldSpec)
    assert (host.kind, host.title, host.ask.required) == ("text", "Host", True)
    shown = explain_question(host).to_json()
    assert shown["when"] == "metrics"
    assert shown["source"] == "Airflow, metrics"
    with pytest.raises(AnswersError, match="no such key") as unknown:
        field_spec("metrics.hots", More)
    assert "did you mean metrics.host?" in str(unknown.value.problems[0])


def test_validation_follows() -> None:
    refused = validate_answers(filled("production", {"metrics": {"enabled": True}}), More)
    assert [str(item) for item in refused.problems] == [
        "metrics.host: is required: Address of the StatsD server."
    ]
    wrong = validate_answers(filled("production", {"metrics": {"host": "a b", "prot": 1}}), More)
    assert {item.key for item in wrong.problems} == {"metrics.host", "metrics.prot"}
    ignored = validate_answers(filled("production", {"metrics": {"host": "a.example"}}), More)
    assert ignored.warnings == ("metrics.host is ignored: it is used with metrics",)


def test_schema_and_answers_file_follow() -> None:
    properties = More.model_json_schema(by_alias=True)["$defs"]["Metrics"]["properties"]
    assert properties["port"]["maximum"] == 65535
    found = validate_answers(filled("production", CHANGES), More).answers
    assert found is not None
    text = answers_text(found)
    assert "# StatsD metrics of all components.\nmetrics:\n" in text
    data = parse_answers(text, "answers")
    assert data["metrics"] == {"enabled": True, "host": "statsd.example.internal", "port": 8125}
    assert validate_answers(data, More).answers == found


def test_rendering_follows() -> None:
    found = validate_answers(filled("production", CHANGES), More).answers
    assert found is not None
    made = render(found)
    assert values(made)["statsd"] == {"enabled": False}
    assert {"name": "STATSD_PORT", "value": "8125"} in values(made)["env"]
    listed = yaml.safe_load(made.tree.by_logical("kustomization").text)["resources"]
    assert "secrets/metrics.yaml" in listed
    policy = yaml.safe_load(made.tree.by_logical("secrets/egress").text)
    assert {"ports": [{"protocol": "UDP", "port": 8125}]} in policy["spec"]["egress"]
    runbook = made.tree.by_logical("runbook").text
    assert "| Open the StatsD port | platform |" in runbook
    assert "## Metrics" in runbook


def test_two_sections_cannot_set_one_key() -> None:
    class Clashing(Metrics):
        def contribute(self, release: Release) -> Contribution:
            return Contribution(settings={"dags.gitSync": {"enabled": release.celery}})

    class Both(Answers):
        model_config = ConfigDict(title="Both")

        metrics: Clashing = Field(default_factory=Clashing)

    found = validate_answers(filled("production"), Both).answers
    assert found is not None
    with pytest.raises(ContributionClashError, match=r"dags\.gitSync"):
        render(found)
