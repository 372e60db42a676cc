"""The questions about a container of Azure Blob Storage as the log volume."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from wizard.formats.azure import BlobContainer, ResourceGroup, StorageAccount
from wizard.questions.cases import BLOB_LOGS
from wizard.questions.effects import Effect
from wizard.questions.section import Model, QuestionInfo
from wizard.secrets.references import SecretRef

LOGS_LEFT = Effect(
    "logs-left",
    "data",
    "Task logs at the old place are not copied, and the UI no longer shows them.",
)


class LogBlob(Model):
    """A container of Azure Blob Storage as the log volume."""

    account: Annotated[
        StorageAccount,
        QuestionInfo(
            when=BLOB_LOGS,
            required=True,
            effects=(LOGS_LEFT,),
            find="`az storage account list --query [].name -o tsv` lists them.",
        ),
    ] = Field(default="", title="Account", description="Name of the storage account.")
    container: Annotated[
        BlobContainer, QuestionInfo(when=BLOB_LOGS, required=True, effects=(LOGS_LEFT,))
    ] = Field(
        default="airflow-logs",
        title="Container",
        description="Container for the logs of this installation only. It must exist.",
    )
    resource_group: Annotated[ResourceGroup, QuestionInfo(when=BLOB_LOGS)] = Field(
        default="",
        title="Resource group",
        description="Resource group of the account. Empty: that of the cluster's nodes.",
    )
    key: Annotated[SecretRef, QuestionInfo(when=BLOB_LOGS)] = Field(
        default=SecretRef(env="AIRFLOW_LOGS_STORAGE_KEY"),
        title="Account key",
        description="Reference to a key of the account, with which the nodes mount the container.",
    )
