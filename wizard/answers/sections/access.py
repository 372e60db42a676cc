"""Access: how people reach the UI."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wizard.formats.types import WebUrl
from wizard.manifests.contribution import Contribution
from wizard.manifests.release import Release
from wizard.questions.section import QuestionInfo, Section


class Access(Section):
    """How people reach the UI."""

    title: ClassVar[str] = "Access"
    intro: ClassVar[str] = "A port-forward works everywhere and exposes nothing."

    kind: Annotated[
        Literal["port-forward"], QuestionInfo(labels={"port-forward": "kubectl port-forward"})
    ] = Field(
        default="port-forward",
        title="Access",
        description="Reach the UI through kubectl; nothing is exposed outside the cluster.",
    )
    base_url: Annotated[WebUrl, QuestionInfo(required=True)] = Field(
        default="http://localhost:8080",
        title="Base URL",
        description="Address in people's browsers; Airflow writes it into links.",
    )

    def contribute(self, release: Release) -> Contribution:
        """The base URL; the chart derives the execution API's path from it."""
        option = "config.api.base_url" if release.airflow_3 else "config.webserver.base_url"
        return Contribution(settings={option: self.base_url})
