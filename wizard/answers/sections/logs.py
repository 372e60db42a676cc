"""The section Logs: where the logs of tasks are kept, and for how long."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from wizard.answers.sections.log_blob import LOGS_LEFT, LogBlob
from wizard.chart.volumes import keeping_annotations
from wizard.formats.address_types import Address, LogUrl
from wizard.formats.addresses import split_address
from wizard.formats.identity_types import LoginName
from wizard.formats.log_urls import LogPlace, parse_log_url
from wizard.formats.types import ObjectName, Quantity
from wizard.manifests.blob_volume import (
    ACCOUNT_KEY,
    CLUSTER_KIND,
    SECRET_KEY,
    STORAGE_CLASS,
    BlobVolume,
    blob_note,
    blob_volume_files,
)
from wizard.manifests.certificates import ca_config_map
from wizard.manifests.contribution import Contribution, EnvVar, Flow, Mount
from wizard.manifests.network_policy import LOG_FLOW
from wizard.manifests.release import Release
from wizard.manifests.remote_logs import (
    CA_FILE,
    CA_FOLDER,
    CONNECTION_VARIABLE,
    PACKAGES,
    PASSWORD_VARIABLE,
    USER_VARIABLE,
    bucket_settings,
    identity_connection,
    log_users,
    remote_note,
    search_settings,
)
from wizard.questions.ca_file import CaFile
from wizard.questions.cases import (
    LOG_BUCKET,
    LOG_CA,
    LOG_CONNECTION,
    LOG_GROOMER,
    LOG_SEARCH,
    LOG_VOLUME,
    OWN_LOG_VOLUME,
    REMOTE_LOGS,
)
from wizard.questions.section import Model, QuestionInfo, Section
from wizard.secrets.facts import Encoding, Fact, FactUse, Form, SecretSpec, Template, url_quote
from wizard.secrets.references import SecretRef
from wizard.secrets.value_rules import ConnectionExtra
from wizard.stores.conditions import TAKES_VALUES

_MOVED = QuestionInfo(
    when=REMOTE_LOGS,
    required=True,
    effects=(LOGS_LEFT,),
    find="The bucket or search server for logs, from whoever runs it.",
)
# AWS_CA_BUNDLE would hold for every client of AWS in the pods, and DAGs reach AWS itself, too.
# Source: `AwsConnectionWrapper` of the provider amazon 9.29 and 9.39.
_NAMES_CA = ConnectionExtra(
    "verify", CA_FILE, "Airflow verifies the server by it, with the file of logs.ca"
)
# The chart's own number of days.
_DAYS = 15


class Groomer(Model):
    """The container beside each component that deletes old log files."""

    enabled: bool = Field(
        default=True,
        title="Delete old logs",
        description=(
            "A container in each pod deletes old log files there and on the volume. Without it, "
            "volumes fill up. Remote logs are not deleted: give the bucket or index a retention."
        ),
    )
    days: Annotated[int, Field(ge=1, le=3650), QuestionInfo(when=LOG_GROOMER)] = Field(
        default=_DAYS, title="Days", description="Days that log files are kept in pods and volumes."
    )

    def to_settings(self, release: Release) -> dict[str, object]:
        """Return the settings of the groomers, if they differ from the chart's defaults."""
        keys = ["scheduler", "dagProcessor", "triggerer", *(["workers.celery"] * release.celery)]
        if not self.enabled:
            return {f"{key}.logGroomerSidecar.enabled": False for key in keys}
        if self.days == _DAYS:
            return {}
        return {f"{key}.logGroomerSidecar.retentionDays": self.days for key in keys}


class Logs(Section):
    """Where the logs of tasks are kept."""

    title: ClassVar[str] = "Logs"
    intro: ClassVar[str] = "The UI shows the logs of tasks from where they are kept."

    kind: Annotated[
        Literal["pod", "volume", "remote"],
        QuestionInfo(
            labels={
                "pod": "in the pods",
                "volume": "on one volume for all pods",
                "remote": "in a bucket or search engine",
            },
            effects=(LOGS_LEFT,),
        ),
    ] = Field(
        default="pod",
        title="Logs",
        description=(
            "Celery workers keep logs on volumes of their own. Task pods of the "
            "KubernetesExecutor keep none: choose another place for them."
        ),
    )
    existing_claim: Annotated[ObjectName, QuestionInfo(when=LOG_VOLUME, effects=(LOGS_LEFT,))] = (
        Field(
            default="",
            title="Existing claim",
            description=(
                "A PersistentVolumeClaim that others made. All pods mount it, so it needs "
                "ReadWriteMany. Empty: the chart makes one."
            ),
        )
    )
    backing: Annotated[
        Literal["class", "azure-blob"],
        QuestionInfo(
            when=OWN_LOG_VOLUME & TAKES_VALUES,
            labels={
                "class": "the storage class",
                "azure-blob": "a container of Azure Blob Storage",
            },
            effects=(LOGS_LEFT,),
        ),
    ] = Field(
        default="class",
        title="Made by",
        description=(
            "What makes the volume. On AKS, a container of your own outlives the cluster; the "
            "account's key comes from the store."
        ),
    )
    blob: LogBlob = Field(default_factory=LogBlob, title="Blob container")
    size: Annotated[Quantity, QuestionInfo(when=OWN_LOG_VOLUME, required=True)] = Field(
        default="50Gi", title="Size", description="Size of the shared log volume."
    )
    storage_class: Annotated[ObjectName, QuestionInfo(when=OWN_LOG_VOLUME)] = Field(
        default="",
        title="Storage class",
        description=(
            "A class that supports ReadWriteMany. Empty: the cluster's default class, or "
            f"{STORAGE_CLASS} for a blob container."
        ),
    )
    destination: Annotated[
        Literal["s3", "gcs", "azure", "elasticsearch", "opensearch"],
        QuestionInfo(
            when=REMOTE_LOGS,
            labels={
                "s3": "Amazon S3, or a server like it",
                "gcs": "Google Cloud Storage",
                "azure": "Azure Blob Storage",
                "elasticsearch": "Elasticsearch",
                "opensearch": "OpenSearch",
            },
            effects=(LOGS_LEFT,),
        ),
    ] = Field(
        default="s3",
        title="Destination",
        description="What keeps the logs. The image needs its provider package.",
    )
    url: Annotated[LogUrl, _MOVED] = Field(
        default="",
        title="URL",
        description=(
            "s3://BUCKET/FOLDER, gs://BUCKET/FOLDER, wasb://CONTAINER@ACCOUNT.blob.core.windows.net"
            "/FOLDER (Airflow needs a FOLDER that begins with wasb), or https://HOST:PORT."
        ),
    )
    auth: Annotated[
        Literal["connection", "identity"],
        QuestionInfo(
            when=LOG_BUCKET,
            labels={"connection": "Airflow connection", "identity": "workload identity"},
        ),
    ] = Field(
        default="connection",
        title="Login",
        description=(
            "A connection is a secret in the store. With workload identity (IRSA, GKE, Entra ID), "
            "there is none: bind the ServiceAccounts of the components to the identity."
        ),
    )
    connection: Annotated[SecretRef, QuestionInfo(when=LOG_CONNECTION)] = Field(
        default=SecretRef(env="AIRFLOW_LOGS_CONNECTION"),
        title="Connection",
        description=(
            "Reference to an Airflow connection, as a URI or JSON, such as aws://KEY:SECRET@/. "
            "Airflow knows it as airflow_logs."
        ),
    )
    endpoint: Annotated[Address, QuestionInfo(when=LOG_BUCKET)] = Field(
        default="",
        title="Endpoint",
        description=(
            "host:port, if it is not the cloud's own at port 443: network policies open it. The "
            "connection names it too: endpoint_url for S3, and with a private CA also "
            f"verify={CA_FILE}."
        ),
    )
    user: Annotated[
        LoginName,
        QuestionInfo(
            when=LOG_SEARCH,
            required=True,
            find="Whoever runs the search server creates one for Airflow.",
        ),
    ] = Field(default="", title="User", description="User of Elasticsearch or OpenSearch.")
    password: Annotated[SecretRef, QuestionInfo(when=LOG_SEARCH)] = Field(
        default=SecretRef(env="AIRFLOW_LOGS_PASSWORD"),
        title="Password",
        description="Reference to the user's password.",
    )
    writer: Annotated[
        Literal["shipper", "airflow"],
        QuestionInfo(
            when=LOG_SEARCH,
            labels={"shipper": "a log shipper, from standard output", "airflow": "Airflow itself"},
        ),
    ] = Field(
        default="shipper",
        title="Written by",
        description=(
            "A shipper of your cluster (Fluent Bit, Vector) collects JSON lines of tasks. Airflow "
            "3 can write a log itself when its task has ended."
        ),
    )
    ca: Annotated[CaFile, QuestionInfo(when=LOG_CA)] = Field(
        default_factory=CaFile, title="Private CA"
    )
    groomer: Groomer = Field(default_factory=Groomer, title="Log groomer")

    def contribute(self, release: Release) -> Contribution:
        """Return the volume or the remote store, and what the groomers do."""
        settings = self.groomer.to_settings(release)
        if self.kind == "volume" and self.backing == "azure-blob" and not self.existing_claim:
            return self._blob(release, settings)
        if self.kind == "volume":
            return Contribution(settings={**settings, **self._volume(release)})
        if self.kind == "pod" or not self.url:
            return Contribution(settings=settings)
        place = parse_log_url(self.url)
        if self.destination in {"elasticsearch", "opensearch"}:
            return self._search(release, place, settings)
        return self._bucket(release, place, settings)

    def _volume(self, release: Release) -> dict[str, object]:
        settings: dict[str, object] = {"logs.persistence.enabled": True}
        if self.existing_claim:
            return {**settings, "logs.persistence.existingClaim": self.existing_claim}
        settings["logs.persistence.size"] = self.size
        if self.storage_class:
            settings["logs.persistence.storageClassName"] = self.storage_class
        # The delivery would delete the claim, with all logs, when these answers change.
        settings["logs.persistence.annotations"] = keeping_annotations(gitops=release.gitops)
        return settings

    def _blob(self, release: Release, settings: dict[str, object]) -> Contribution:
        """Return the volume on a container, its claim, and the Secret with the account's key."""
        own, name = self.blob, release.secret("logs-storage")
        volume = BlobVolume(
            own.account,
            own.container,
            own.resource_group,
            name,
            self.size,
            self.storage_class or STORAGE_CLASS,
        )
        fact = Fact("logsStorageKey", Form.GIVEN, "key of the log storage account", "", own.key)
        keys: dict[str, Template] = {ACCOUNT_KEY: (own.account,), SECRET_KEY: (FactUse(fact),)}
        return Contribution(
            settings={
                **settings,
                "logs.persistence.enabled": True,
                "logs.persistence.existingClaim": volume.name(release),
            },
            secrets=(SecretSpec(name, keys, purpose="the log volume's storage account"),),
            manifests=blob_volume_files(release, volume),
            cluster_kinds=(CLUSTER_KIND,),
            notes=(blob_note(release, volume),),
        )

    def _bucket(
        self, release: Release, place: LogPlace, settings: dict[str, object]
    ) -> Contribution:
        users, identity = log_users(release), self.auth == "identity"
        host, port = split_address(self.endpoint) if self.endpoint else (place.host, place.port)
        ca = bool(self.ca.file)
        secrets: tuple[SecretSpec, ...] = ()
        env: tuple[EnvVar, ...] = ()
        if not identity:
            name = release.secret("logs-connection")
            rule = _NAMES_CA if ca else None
            fact = Fact("logsConnection", Form.TEXT, "log connection", "", self.connection, rule)
            secrets = (SecretSpec(name, {"connection": (FactUse(fact),)}, purpose="task logs"),)
            env = (EnvVar(CONNECTION_VARIABLE, "", name, "connection", users),)
        elif own := identity_connection(place, self.endpoint, ca=ca):
            env = (EnvVar(CONNECTION_VARIABLE, own, components=users),)
        note = remote_note(release, self.destination, place, identity=identity, direct=True, ca=ca)
        return Contribution(
            settings={**settings, **bucket_settings(place, connection=bool(env))},
            secrets=secrets,
            env=env,
            flows=(Flow(LOG_FLOW, host, port, users),),
            packages=(PACKAGES[self.destination],),
            notes=(note,),
            **self._trust(release),
        )

    def _trust(self, release: Release) -> dict[str, Any]:
        """Return what brings the private CA into the pods, as parts of a contribution."""
        if not self.ca.file:
            return {}
        name = release.names.object_name("logs-ca")
        pem = release.assets.get("logs.ca.file", "")
        return {
            "mounts": (Mount("logs-ca", name, CA_FOLDER),),
            "manifests": (ca_config_map(release, "logs-ca", pem),),
        }

    def _search(
        self, release: Release, place: LogPlace, settings: dict[str, object]
    ) -> Contribution:
        users, direct = log_users(release), self.writer == "airflow"
        secret, env = self._login(release, place, users)
        ca = bool(self.ca.file)
        own = search_settings(self.destination, place, secret.name, direct=direct, ca=ca)
        return Contribution(
            settings={**settings, **own},
            secrets=(secret,),
            env=env,
            flows=(Flow(LOG_FLOW, place.host, place.port, users, complete=True),),
            packages=(PACKAGES[self.destination],),
            notes=(remote_note(release, self.destination, place, identity=False, direct=direct),),
            **self._trust(release),
        )

    def _login(
        self, release: Release, place: LogPlace, users: tuple[str, ...]
    ) -> tuple[SecretSpec, tuple[EnvVar, ...]]:
        """Return the Secret that the chart reads the address from, and more variables.

        For Elasticsearch, the address contains the login. The client for OpenSearch takes user
        and password as options of their own.
        """
        fact = Fact("logsPassword", Form.GIVEN, "password of the log store", "", self.password)
        name = release.secret(self.destination)
        settings = (f"{self.destination}.secretName",)
        address = f"{place.host}:{place.port}{'/' + place.folder if place.folder else ''}"
        if self.destination == "elasticsearch":
            login = f"https://{url_quote(self.user)}:"
            template: Template = (login, FactUse(fact, Encoding.URL), f"@{address}")
            return SecretSpec(name, {"connection": template}, settings, "task logs"), ()
        keys: dict[str, Template] = {"connection": (f"https://{address}",)}
        keys["password"] = (FactUse(fact),)
        return SecretSpec(name, keys, settings, "task logs"), (
            EnvVar(USER_VARIABLE, self.user, components=users),
            EnvVar(PASSWORD_VARIABLE, "", name, "password", users),
        )
