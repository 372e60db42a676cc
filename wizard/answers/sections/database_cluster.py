"""The questions about a PostgreSQL of one's own in the namespace, run by CloudNativePG."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from wizard.formats.address_types import HttpsUrl
from wizard.formats.backup_types import BackupUrl, Retention, Schedule
from wizard.formats.identity_types import CloudIdentity
from wizard.formats.image_types import ImageName
from wizard.formats.types import AnnotationKey, KubeName, ObjectName, Quantity
from wizard.manifests.cloudnativepg import Backup, PostgresCluster
from wizard.questions.cases import (
    BACKUP_ACCESS_KEY,
    BACKUP_KEYS,
    CLUSTER_BACKUP,
    CLUSTER_DATABASE,
    S3_BACKUP,
)
from wizard.questions.effects import Effect
from wizard.questions.section import Model, QuestionInfo
from wizard.secrets.facts import Fact, Form
from wizard.secrets.references import SecretRef

_NEW_IMAGE = Effect(
    "database-switchover",
    "interrupt",
    "The instances of PostgreSQL restart one after the other, and the primary moves: connections "
    "end, and running tasks may fail. With another major version, all stop until it is migrated.",
)
_NO_BACKUP = Effect(
    "without-backups",
    "data",
    "Backups to {old} end. What is there stays; a restore from there ends at this change.",
    lambda old, new: bool(old) and old != new,
)
_FEWER = Effect(
    "fewer-instances",
    "data",
    "CloudNativePG deletes the volumes of the instances that it removes.",
    lambda old, new: new < old,
)


class ClusterBackup(Model):
    """Backups of the database to object storage, by the plugin Barman Cloud."""

    url: Annotated[BackupUrl, QuestionInfo(when=CLUSTER_DATABASE, effects=(_NO_BACKUP,))] = Field(
        default="",
        title="Backup URL",
        description=(
            "s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or https://ACCOUNT.blob.core.windows.net/"
            "CONTAINER/FOLDER. Empty: no backups, and a lost volume is lost for good."
        ),
    )
    endpoint: Annotated[HttpsUrl, QuestionInfo(when=S3_BACKUP)] = Field(
        default="",
        title="Endpoint",
        description="Address (https) of a server like S3. Empty: AWS.",
    )
    auth: Annotated[
        Literal["identity", "keys"],
        QuestionInfo(
            when=CLUSTER_BACKUP,
            labels={"identity": "workload identity", "keys": "keys in the store"},
        ),
    ] = Field(
        default="identity",
        title="Login",
        description=(
            "With a workload identity (IRSA, GKE, Azure managed identity), no key is stored: bind "
            "the ServiceAccount of the cluster, which the runbook names, to it."
        ),
    )
    access_key: Annotated[SecretRef, QuestionInfo(when=BACKUP_ACCESS_KEY)] = Field(
        default=SecretRef(env="AIRFLOW_BACKUP_ACCESS_KEY"),
        title="Access key",
        description="Reference to the ID of the access key.",
    )
    secret_key: Annotated[SecretRef, QuestionInfo(when=BACKUP_KEYS)] = Field(
        default=SecretRef(env="AIRFLOW_BACKUP_SECRET_KEY"),
        title="Secret key",
        description=(
            "Reference to the secret access key (S3), the account's key (Azure), or the JSON of a "
            "service account's key (Google)."
        ),
    )
    schedule: Annotated[Schedule, QuestionInfo(when=CLUSTER_BACKUP, required=True)] = Field(
        default="0 0 2 * * *",
        title="Schedule",
        description="When a full backup begins: six fields, seconds first. The log is sent always.",
    )
    retention: Annotated[Retention, QuestionInfo(when=CLUSTER_BACKUP, required=True)] = Field(
        default="30d",
        title="Retention",
        description="How far back you can restore: days, weeks or months, such as 30d, 4w or 6m.",
    )


class DatabaseCluster(Model):
    """The instances of PostgreSQL, their volumes and backups."""

    instances: Annotated[
        int, Field(ge=1, le=9), QuestionInfo(when=CLUSTER_DATABASE, effects=(_FEWER,))
    ] = Field(
        default=3,
        title="Instances",
        description="One primary, and standbys on other nodes that take over when it fails.",
    )
    image: Annotated[
        ImageName, QuestionInfo(when=CLUSTER_DATABASE, required=True, effects=(_NEW_IMAGE,))
    ] = Field(
        default="ghcr.io/cloudnative-pg/postgresql:17.6-system-trixie",
        title="Image",
        description="PostgreSQL with its version. Airflow 3.2 supports 13 to 17.",
    )
    size: Annotated[Quantity, QuestionInfo(when=CLUSTER_DATABASE, required=True)] = Field(
        default="20Gi",
        title="Volume",
        description="Size of each instance's volume. It can grow, never shrink.",
    )
    storage_class: Annotated[ObjectName, QuestionInfo(when=CLUSTER_DATABASE)] = Field(
        default="", title="Storage class", description="Empty: the cluster's default."
    )
    cpu: Annotated[Quantity, QuestionInfo(when=CLUSTER_DATABASE)] = Field(
        default="500m", title="CPU", description="CPU request of each instance. Empty: no request."
    )
    memory: Annotated[Quantity, QuestionInfo(when=CLUSTER_DATABASE)] = Field(
        default="1Gi",
        title="Memory",
        description="Memory request of each instance. Empty: no request.",
    )
    operator_namespace: Annotated[KubeName, QuestionInfo(when=CLUSTER_DATABASE)] = Field(
        default="cnpg-system",
        title="Operator namespace",
        description="Namespace of CloudNativePG's operator, which network policies admit.",
    )
    annotations: Annotated[
        dict[AnnotationKey, CloudIdentity], QuestionInfo(when=CLUSTER_DATABASE)
    ] = Field(
        default_factory=dict,
        title="Account annotations",
        description=(
            "NAME=VALUE annotations of the cluster's ServiceAccount, such as "
            "eks.amazonaws.com/role-arn for backups by a cloud identity."
        ),
    )
    backup: ClusterBackup = Field(default_factory=ClusterBackup, title="Backup")

    def build_cluster(self) -> PostgresCluster:
        """Return the cluster that these answers describe."""
        return PostgresCluster(
            self.instances,
            self.image,
            self.size,
            self.storage_class,
            self.cpu,
            self.memory,
            self.operator_namespace,
            self._build_backup(),
            dict(self.annotations),
        )

    def _build_backup(self) -> Backup | None:
        own = self.backup
        if not own.url:
            return None
        made = Backup(own.url, own.endpoint, own.schedule, own.retention)
        if own.auth == "identity":
            return made
        access = Fact("backupAccessKey", Form.GIVEN, "backup access key", "", own.access_key)
        secret = Fact("backupSecretKey", Form.TEXT, "backup secret key", "", own.secret_key)
        return replace(
            made, access_key=access if made.provider == "s3" else None, secret_key=secret
        )
