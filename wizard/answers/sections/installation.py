"""The section Installation: names, versions and the image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from wizard.answers.sections.image import Image
from wizard.chart.images import registry_settings
from wizard.chart.repository import CHART_REPOSITORY, check_chart_repository
from wizard.chart.versions import VERSIONS, list_chart_versions
from wizard.formats.types import KubeName, ReleaseName, Text, Version
from wizard.formats.version_ranges import split_version
from wizard.manifests.contribution import Contribution
from wizard.manifests.release import Release
from wizard.questions.effects import Effect
from wizard.questions.section import QuestionInfo, Section

if TYPE_CHECKING:
    ChartName = str
else:
    ChartName = Literal[list_chart_versions()]


_MOVE = (
    "Airflow is created again {place}. Volumes and Secrets do not move, and what Git no longer "
    "describes is deleted or left behind"
)
_EFFECTS = {
    "namespace": Effect(
        "another-namespace", "new system", f"{_MOVE.format(place='in namespace {new}')} in {{old}}."
    ),
    "release": Effect(
        "another-release",
        "new system",
        f"{_MOVE.format(place='as release {new}')} as release {{old}}.",
    ),
    "chart": Effect(
        "another-chart", "restart", "Every pod restarts with the templates of chart {new}."
    ),
    "migration": Effect(
        "migration",
        "irreversible",
        "Airflow {new} migrates the database, and {old} cannot use it afterwards. Back it "
        "up first, and say which backup it is.",
        lambda old, new: split_version(old) < split_version(new),
        needs_backup=True,
    ),
    "downgrade": Effect(
        "downgrade",
        "irreversible",
        "Airflow {new} cannot use a database that {old} migrated: restore a backup from before, or "
        "run `airflow db downgrade --to-version {new}` with Airflow {old} first.",
        lambda old, new: split_version(old) > split_version(new),
    ),
}


class Installation(Section):
    """Names, versions and the image of one installation."""

    title: ClassVar[str] = "Installation"
    intro: ClassVar[str] = "An installation is one Airflow release in one cluster."

    name: KubeName = Field(
        default="airflow",
        title="Name",
        description="Name of the installation and its folders. A repository can hold several.",
    )
    namespace: Annotated[KubeName, QuestionInfo(effects=(_EFFECTS["namespace"],))] = Field(
        default="airflow",
        title="Namespace",
        description="Kubernetes namespace of this installation.",
    )
    release: Annotated[ReleaseName, QuestionInfo(effects=(_EFFECTS["release"],))] = Field(
        default="airflow",
        title="Release",
        description=(
            "Name of the Helm release. If it contains `airflow`, ServiceAccounts and Deployments "
            "share a prefix."
        ),
    )
    chart: Annotated[
        ChartName,
        QuestionInfo(
            source="chart release notes",
            effects=(_EFFECTS["chart"],),
            synonyms=("version", "upgrade", "helm"),
        ),
    ] = Field(
        default=VERSIONS[0].chart,
        title="Chart",
        description="Pinned version of the chart. You upgrade it with a commit.",
    )
    chart_repository: Annotated[
        Text,
        AfterValidator(check_chart_repository),
        QuestionInfo(takes="https://... or oci://...", example="oci://registry.example.com/charts"),
    ] = Field(
        default=CHART_REPOSITORY,
        title="Chart repository",
        description=(
            "Apache's, a mirror of it over https, or the folder of the chart in an OCI registry "
            "(oci://). Logins are set up outside the answers."
        ),
    )
    airflow: Annotated[
        Version,
        QuestionInfo(
            effects=(_EFFECTS["migration"], _EFFECTS["downgrade"]),
            synonyms=("version", "upgrade"),
        ),
    ] = Field(
        default=VERSIONS[0].airflow,
        title="Airflow",
        description=(
            "Plain X.Y.Z that the chart supports. It selects the components that the chart "
            "starts; the tag of an own image may differ."
        ),
    )
    image: Image = Field(default_factory=Image, title="Image")

    @property
    def airflow_version(self) -> tuple[int, int, int]:
        """Return the version of Airflow as numbers."""
        return split_version(self.airflow)

    def contribute(self, release: Release) -> Contribution:
        """Set the versions, and the image if it is not the official one."""
        settings: dict[str, object] = {
            "airflowVersion": self.airflow,
            "defaultAirflowTag": self.airflow,
            "enableServiceLinks": False,
            "images.migrationsWaitTimeout": 300,
        }
        comments = {
            "airflowVersion": "selects the components that the chart starts; plain X.Y.Z only",
            "images.migrationsWaitTimeout": "seconds an init container waits before it restarts",
            "enableServiceLinks": "no Docker-style variables of other Services in the pods",
        }
        settings |= registry_settings(
            release.image_registry, release.chart, bundled_database=release.bundled_database
        )
        image = self.image.contribute()
        own = self.image.settings_for(release)
        return replace(image, settings={**settings, **own}, comments=comments)

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Return the files of the image, which has the packages that other answers need."""
        return self.image.compose(release, total.packages)
