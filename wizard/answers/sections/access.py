"""The section Access: how users reach the Airflow UI."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wizard.formats.types import ObjectName, WebUrl
from wizard.manifests.contribution import Contribution
from wizard.manifests.network_policy import ingress_settings
from wizard.manifests.release import Release
from wizard.questions.section import QuestionInfo, Section


class Access(Section):
    """How users reach the UI."""

    title: ClassVar[str] = "Access"
    intro: ClassVar[str] = "A port-forward works everywhere and exposes nothing."

    kind: Annotated[
        Literal["port-forward"], QuestionInfo(labels={"port-forward": "kubectl port-forward"})
    ] = Field(
        default="port-forward",
        title="Access",
        description="Users reach the UI through kubectl. Nothing is exposed outside the cluster.",
    )
    base_url: Annotated[WebUrl, QuestionInfo(required=True)] = Field(
        default="http://localhost:8080",
        title="Base URL",
        description="Address of the UI in users' browsers. Airflow writes it into links.",
    )

    from_namespace: ObjectName = Field(
        default="",
        title="Ingress from",
        description=(
            "With network policies: namespace of the ingress controller, if values.ingress enables "
            "one. Empty: pods of every namespace can reach the UI through it."
        ),
    )

    def contribute(self, release: Release) -> Contribution:
        """Set the base URL; the chart derives the path of the execution API from it."""
        option = "config.api.base_url" if release.airflow_3 else "config.webserver.base_url"
        return Contribution(settings={option: self.base_url})

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Admit to the API server what exposes it, by the values in effect."""
        if not release.network_policies:
            return Contribution()
        return Contribution(settings=ingress_settings(release, total.values, self.from_namespace))
