"""Questions about a volume with DAGs that somebody else fills, such as a pipeline."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wizard.chart.volumes import keeping_annotations
from wizard.formats.types import ObjectName, Quantity, RepositoryPath
from wizard.questions.cases import DAGS_ON_NEW_VOLUME, DAGS_ON_VOLUME
from wizard.questions.effects import Effect
from wizard.questions.section import Model, QuestionInfo

ANOTHER_VOLUME = Effect(
    "other-dag-volume",
    "data",
    "Airflow reads the DAGs of another volume; those on the old one are not copied.",
)


class DagVolume(Model):
    """A PersistentVolumeClaim that every pod that reads DAGs mounts."""

    existing_claim: Annotated[
        ObjectName, QuestionInfo(when=DAGS_ON_VOLUME, effects=(ANOTHER_VOLUME,))
    ] = Field(
        default="",
        title="Existing claim",
        description=(
            "PersistentVolumeClaim with the DAGs in Airflow's namespace. Empty: the chart makes "
            "one, and a pipeline of yours fills it."
        ),
    )
    subpath: Annotated[RepositoryPath, QuestionInfo(when=DAGS_ON_VOLUME)] = Field(
        default="",
        title="Folder",
        description="Folder of the DAGs on the volume. Empty: the top folder.",
    )
    access_mode: Annotated[
        Literal["ReadWriteMany", "ReadOnlyMany", "ReadWriteOnce"],
        QuestionInfo(
            when=DAGS_ON_NEW_VOLUME,
            labels={
                "ReadWriteMany": "many nodes write",
                "ReadOnlyMany": "many nodes read",
                "ReadWriteOnce": "one node",
            },
        ),
    ] = Field(
        default="ReadWriteMany",
        title="Access mode",
        description=(
            "The storage class must support it. With ReadWriteOnce, all of Airflow's pods must run "
            "on one node."
        ),
    )
    size: Annotated[Quantity, QuestionInfo(when=DAGS_ON_NEW_VOLUME, required=True)] = Field(
        default="1Gi", title="Size", description="Size of the volume."
    )
    storage_class: Annotated[ObjectName, QuestionInfo(when=DAGS_ON_NEW_VOLUME)] = Field(
        default="",
        title="Storage class",
        description="A class that supports the access mode. Empty: the cluster's default class.",
    )

    def build_settings(self, *, gitops: bool) -> dict[str, object]:
        """Return the settings of the chart's volume for DAGs, which outlives these answers."""
        settings: dict[str, object] = {
            "dags.gitSync.enabled": False,
            "dags.persistence.enabled": True,
        }
        if self.subpath not in {"", "."}:
            settings["dags.persistence.subPath"] = self.subpath
        if self.existing_claim:
            settings["dags.persistence.existingClaim"] = self.existing_claim
            return settings
        settings["dags.persistence.accessMode"] = self.access_mode
        settings["dags.persistence.size"] = self.size
        if self.storage_class:
            settings["dags.persistence.storageClassName"] = self.storage_class
        settings["dags.persistence.annotations"] = keeping_annotations(gitops=gitops)
        return settings
