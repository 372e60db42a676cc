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
from wizard.formats.address_types import HostName, Port
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

ENABLED = when("tracing", "tracing.enabled", True)


class Tracing(Section):
    """Where tracing go."""

    title: ClassVar[str] = "Tracing"
    intro: ClassVar[str] = "Traces of all components."

    enabled: bool = Field(default=False, title="Tracing", description="Send tracing somewhere.")
    host: Annotated[
        HostName, QuestionInfo(when=ENABLED, required=True, source="Airflow, tracing")
    ] = Field(default="", title="Host", description="Address of the collector.")
    port: Annotated[Port, QuestionInfo(when=ENABLED)] = Field(
        default=8125, title="Port", description="UDP port of the collector."
    )

    def contribute(self, release: Release) -> Contribution:
        """Send traces to a collector."""
        if not self.enabled:
            return Contribution()
        data = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": object_metadata(release, "tracing"),
        }
        return Contribution(
            settings={"config.traces.otel_on": "True", "config.traces.otel_host": self.host},
            env=(EnvVar("TRACES_PORT", str(self.port)),),
            flows=(Flow("tracing", self.host, self.port, protocol="UDP"),),
            manifests=(manifest_file(release, "tracing", data),),
            steps=(StepSpec("tracing.open", "Open the port of traces", "platform"),),
            notes=("## Tracing\n\nSee the dashboards.",),
        )


class More(Answers):
    """The answers with one line more."""

    model_config = ConfigDict(title="More")

    tracing: Tracing = Field(default_factory=Tracing)


CHANGES: dict[str, object] = {"tracing": {"enabled": True, "host": "traces.example.internal"}}


def test_questions_follow() -> None:
    added = field_specs(More)[len(field_specs()) :]
    assert [item.key for item in added] == ["tracing.enabled", "tracing.host", "tracing.port"]
    host = field_spec("tracing.host", More)
    assert isinstance(host, FieldSpec)
    assert (host.kind, host.title, host.ask.required) == ("text", "Host", True)
    shown = explain_question(host).to_json()
    assert shown["when"] == "tracing"
    assert shown["source"] == "Airflow, tracing"
    with pytest.raises(AnswersError, match="no such key") as unknown:
        field_spec("tracing.hots", More)
    assert "did you mean tracing.host?" in str(unknown.value.problems[0])


def test_validation_follows() -> None:
    refused = validate_answers(filled("production", {"tracing": {"enabled": True}}), More)
    assert [str(item) for item in refused.problems] == [
        "tracing.host: is required: Address of the collector."
    ]
    wrong = validate_answers(filled("production", {"tracing": {"host": "a b", "prot": 1}}), More)
    assert {item.key for item in wrong.problems} == {"tracing.host", "tracing.prot"}
    ignored = validate_answers(filled("production", {"tracing": {"host": "a.example"}}), More)
    assert ignored.warnings == ("tracing.host is ignored: it is used with tracing",)


def test_schema_and_answers_file_follow() -> None:
    properties = More.model_json_schema(by_alias=True)["$defs"]["Tracing"]["properties"]
    assert properties["port"]["maximum"] == 65535
    found = validate_answers(filled("production", CHANGES), More).answers
    assert found is not None
    text = answers_text(found)
    assert "# Traces of all components.\ntracing:\n" in text
    data = parse_answers(text, "answers")
    assert data["tracing"] == {"enabled": True, "host": "traces.example.internal", "port": 8125}
    assert validate_answers(data, More).answers == found


def test_rendering_follows() -> None:
    found = validate_answers(filled("production", CHANGES), More).answers
    assert found is not None
    made = render(found)
    assert values(made)["config"]["traces"]["otel_on"] == "True"
    assert {"name": "TRACES_PORT", "value": "8125"} in values(made)["env"]
    listed = yaml.safe_load(made.tree.by_logical("kustomization").text)["resources"]
    assert "secrets/tracing.yaml" in listed
    policy = yaml.safe_load(made.tree.by_logical("secrets/egress").text)
    assert {"ports": [{"protocol": "UDP", "port": 8125}]} in policy["spec"]["egress"]
    runbook = made.tree.by_logical("runbook").text
    assert "| Open the port of traces | platform |" in runbook
    assert "## Tracing" in runbook


def test_two_sections_cannot_set_one_key() -> None:
    class Clashing(Tracing):
        def contribute(self, release: Release) -> Contribution:
            return Contribution(settings={"dags.gitSync": {"enabled": release.celery}})

    class Both(Answers):
        model_config = ConfigDict(title="Both")

        tracing: Clashing = Field(default_factory=Clashing)

    found = validate_answers(filled("production"), Both).answers
    assert found is not None
    with pytest.raises(ContributionClashError, match=r"dags\.gitSync"):
        render(found)
