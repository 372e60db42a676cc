"""The section Database: PostgreSQL, the Celery result backend and PgBouncer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wizard.answers.sections.bundled_database import bundled_database_contribution
from wizard.answers.sections.database_cluster import DatabaseCluster
from wizard.answers.sections.database_pooler import PgBouncer
from wizard.chart.images import Image
from wizard.formats.address_types import HostName, Port
from wizard.formats.types import PostgresName
from wizard.manifests.certificates import ca_config_map
from wizard.manifests.cloudnativepg import (
    cluster_endpoint,
    cluster_manifests,
    cluster_secrets,
)
from wizard.manifests.cloudnativepg_runbook import cluster_note
from wizard.manifests.contribution import Contribution, EnvVar, Flow, Mount
from wizard.manifests.images import use_named_image
from wizard.manifests.postgres import (
    ASYNC_KEY,
    ASYNC_SINCE,
    CA_PATH,
    POOLER_PORT,
    Endpoint,
    backup_note,
    database_note,
    direct_migration_settings,
    pgbouncer_secrets,
)
from wizard.manifests.release import Release
from wizard.manifests.tree import File
from wizard.questions.ca_file import CaFile
from wizard.questions.cases import (
    EXTERNAL_DATABASE,
    RESULT_BACKEND,
    SEPARATE_RESULT_BACKEND,
    VERIFIED_TLS,
)
from wizard.questions.effects import Effect
from wizard.questions.section import Model, QuestionInfo, Section
from wizard.secrets.facts import Fact, Form, SecretSpec
from wizard.secrets.references import SecretRef

SslMode = Literal["require", "verify-full", "verify-ca", "prefer", "disable"]


_ANOTHER_DATABASE = Effect(
    "another-database",
    "data",
    "Airflow starts on another database. Runs, connections, variables and users stay in the old "
    "one: copy it first (pg_dump, pg_restore) while Airflow is stopped.",
)
_OTHER_RESULTS = Effect(
    "other-results",
    "interrupt",
    "Celery looks for results in another database: tasks that are running may be reported as "
    "failed.",
)
_ANOTHER_ROLE = Effect(
    "another-role",
    "interrupt",
    "{new} must own what {old} made, or every query fails: run `REASSIGN OWNED BY {old} TO {new}` "
    "in the database first.",
)


class ResultBackend(Model):
    """Where Celery stores results."""

    kind: Annotated[
        Literal["metadata", "separate"],
        QuestionInfo(
            when=RESULT_BACKEND,
            labels={"metadata": "the metadata database", "separate": "a separate database"},
            effects=(_OTHER_RESULTS,),
        ),
    ] = Field(
        default="metadata",
        title="Results",
        description="Celery stores results in the metadata database or in a separate one.",
    )
    host: Annotated[
        HostName,
        QuestionInfo(
            when=SEPARATE_RESULT_BACKEND,
            required=True,
            effects=(_OTHER_RESULTS,),
            find="The endpoint of that server, from whoever runs it.",
        ),
    ] = Field(default="", title="Host", description="Address of the result backend's PostgreSQL.")
    port: Annotated[Port, QuestionInfo(when=SEPARATE_RESULT_BACKEND)] = Field(
        default=5432, title="Port", description="Port of the result backend's PostgreSQL."
    )
    name: Annotated[
        PostgresName,
        QuestionInfo(when=SEPARATE_RESULT_BACKEND, required=True, effects=(_OTHER_RESULTS,)),
    ] = Field(default="airflow_results", title="Database", description="Database for results.")
    user: Annotated[
        PostgresName,
        QuestionInfo(when=SEPARATE_RESULT_BACKEND, required=True, effects=(_ANOTHER_ROLE,)),
    ] = Field(default="airflow_results", title="User", description="Role that owns the database.")
    password: Annotated[SecretRef, QuestionInfo(when=SEPARATE_RESULT_BACKEND)] = Field(
        default=SecretRef(env="AIRFLOW_RESULT_DB_PASSWORD"),
        title="Password",
        description="Reference to the role's password. The answers never hold the password itself.",
    )


class Database(Section):
    """The metadata database, its result backend and its connection pool."""

    title: ClassVar[str] = "Database"
    intro: ClassVar[str] = "Airflow keeps its state in PostgreSQL."

    kind: Annotated[
        Literal["external", "cloudnativepg", "bundled"],
        QuestionInfo(
            labels={
                "external": "external PostgreSQL",
                "cloudnativepg": "in the namespace, by CloudNativePG",
                "bundled": "bundled (local only)",
            },
            effects=(_ANOTHER_DATABASE,),
            synonyms=("postgresql", "metadata"),
        ),
    ] = Field(
        default="external",
        title="Kind",
        description=(
            "External: a managed server. CloudNativePG: its operator runs three instances here. "
            "Bundled: one pod without backups, for local clusters only."
        ),
    )
    host: Annotated[
        HostName,
        QuestionInfo(
            when=EXTERNAL_DATABASE,
            required=True,
            effects=(_ANOTHER_DATABASE,),
            find="The server's endpoint in your cloud's console, or from your DBA.",
        ),
    ] = Field(default="", title="Host", description="Address of PostgreSQL that pods use.")
    port: Annotated[Port, QuestionInfo(when=EXTERNAL_DATABASE, effects=(_ANOTHER_DATABASE,))] = (
        Field(default=5432, title="Port", description="Port of PostgreSQL.")
    )
    name: Annotated[
        PostgresName,
        QuestionInfo(when=EXTERNAL_DATABASE, required=True, effects=(_ANOTHER_DATABASE,)),
    ] = Field(
        default="airflow",
        title="Database",
        description="Database name. Its encoding must be UTF-8.",
    )
    user: Annotated[
        PostgresName,
        QuestionInfo(when=EXTERNAL_DATABASE, required=True, effects=(_ANOTHER_ROLE,)),
    ] = Field(
        default="airflow",
        title="User",
        description="Role that owns the database. PostgreSQL 15 closed schema public to others.",
    )
    password: Annotated[SecretRef, QuestionInfo(when=EXTERNAL_DATABASE)] = Field(
        default=SecretRef(env="AIRFLOW_DB_PASSWORD"),
        title="Password",
        description="Reference to the role's password. The answers never hold the password itself.",
    )
    sslmode: Annotated[SslMode, QuestionInfo(when=EXTERNAL_DATABASE)] = Field(
        default="require",
        title="TLS mode",
        description="verify-full also checks the server's name. disable sends data unencrypted.",
    )
    ca: Annotated[CaFile, QuestionInfo(when=VERIFIED_TLS)] = Field(default_factory=CaFile)
    cluster: DatabaseCluster = Field(default_factory=DatabaseCluster, title="Cluster")
    pgbouncer: PgBouncer = Field(default_factory=PgBouncer, title="PgBouncer")
    result_backend: ResultBackend = Field(default_factory=ResultBackend, title="Result backend")

    def contribute(self, release: Release) -> Contribution:
        """Set connection Secrets and PgBouncer, and run migrations on the direct URL."""
        if self.kind == "bundled":
            return bundled_database_contribution(release)
        metadata = self._metadata(release)
        cluster = self.cluster.build_cluster() if release.database_cluster else None
        pooled = self._pooled_endpoint(release, metadata, release.names.metadata_alias)
        secrets, settings = self._connections(release, metadata, pooled)
        comments = {"data": "names of Secrets created outside Git, no values"}
        if self.pgbouncer.mode != "off":
            direct = SecretSpec(
                release.secret("metadata-direct"),
                {"connection": metadata.url()},
                purpose="migrations, without the pooler",
            )
            secrets.append(direct)
            settings.update(direct_migration_settings(direct.name))
        if self.pgbouncer.mode == "chart":
            settings.update(self._pooler_settings(release))
            secrets.extend(
                pgbouncer_secrets(
                    release,
                    metadata,
                    self._result_endpoint(metadata) if self._has_results(release) else None,
                    pools=(self.pgbouncer.metadata_pool, self.pgbouncer.result_pool),
                    max_client_conn=self.pgbouncer.max_client_conn,
                )
            )
        images: tuple[Image, ...] = ()
        if cluster is not None:
            secrets.extend(cluster_secrets(release, cluster, metadata.password))
            images = (use_named_image(cluster.image, "database.cluster.image", release),)
            cluster = replace(cluster, image=images[0].name)
        return Contribution(
            settings={"postgresql.enabled": False, **settings},
            comments=comments,
            secrets=tuple(secrets),
            env=tuple(_async_variables(release, pooled)),
            flows=self._flows(release, metadata),
            mounts=self._mounts(release),
            images=images,
            manifests=(
                self._manifests(release)
                if cluster is None
                else tuple(cluster_manifests(release, cluster))
            ),
            notes=(
                (
                    database_note(self._owners(release)),
                    backup_note(metadata, self._ca_path(release)),
                )
                if cluster is None
                else (cluster_note(release, cluster),)
            ),
        )

    @staticmethod
    def _has_results(release: Release) -> bool:
        """Return whether Celery keeps its results in a database."""
        return release.celery and not release.isolated_database

    def _ca_path(self, release: Release) -> str:
        """Return the path of the CA file in the repository; empty if none is used."""
        used = self.ca.file and self.sslmode.startswith("verify")
        return f"{release.paths.own}/{self.ca.file}" if used else ""

    def _owners(self, release: Release) -> tuple[tuple[str, str, str], ...]:
        owners = [(self.host, self.name, self.user)]
        results = self.result_backend
        if release.celery and results.kind == "separate":
            owners.append((results.host, results.name, results.user))
        return tuple(owners)

    def _metadata(self, release: Release) -> Endpoint:
        if release.database_cluster:
            made = Fact("databasePassword", Form.PASSWORD, "database password")
            return cluster_endpoint(release, made)
        fact = Fact("databasePassword", Form.PASSWORD, "database password", "", self.password)
        return Endpoint(
            self.host, self.port, self.name, self.user, fact, self.sslmode, bool(self.ca.file)
        )

    def _result_endpoint(self, metadata: Endpoint) -> Endpoint:
        own = self.result_backend
        if own.kind == "metadata":
            return metadata
        fact = Fact(
            "resultBackendPassword", Form.PASSWORD, "result backend password", "", own.password
        )
        return Endpoint(
            own.host, own.port, own.name, own.user, fact, self.sslmode, bool(self.ca.file)
        )

    def _pooled_endpoint(self, release: Release, endpoint: Endpoint, alias: str) -> Endpoint:
        mode = self.pgbouncer.mode
        if mode == "chart":
            # The chart's PgBouncer does not listen for TLS and refuses TLS parameters.
            return endpoint.with_pooler(release.names.pgbouncer_host, POOLER_PORT, alias)
        if mode == "external":
            name = self.pgbouncer.database or endpoint.name
            pooled = endpoint.with_pooler(self.pgbouncer.host, self.pgbouncer.port, name)
            return pooled.with_tls(endpoint.sslmode, endpoint.has_ca)
        return endpoint

    def _connections(
        self, release: Release, metadata: Endpoint, pooled: Endpoint
    ) -> tuple[list[SecretSpec], dict[str, object]]:
        names = release.names
        keys = {"connection": pooled.url()}
        if _needs_async_url(release, pooled):
            keys[ASYNC_KEY] = pooled.async_url()
        secret = SecretSpec(
            release.secret("metadata"),
            keys,
            ("data.metadataSecretName",),
            "metadata database",
        )
        secrets, settings = [secret], {"data.metadataSecretName": secret.name}
        # With an isolated database, Celery keeps its results in the broker.
        if self._has_results(release):
            results = self._result_endpoint(metadata)
            # An external pooler only has to serve the metadata database, so Celery
            # connects directly to a separate result backend.
            if results == metadata or self.pgbouncer.mode == "chart":
                results = self._pooled_endpoint(release, results, names.result_alias)
            backend = SecretSpec(
                release.secret("result-backend"),
                {"connection": results.url("db+postgresql")},
                ("data.resultBackendSecretName",),
                "Celery results",
            )
            secrets.append(backend)
            settings["data.resultBackendSecretName"] = backend.name
        return secrets, dict(settings)

    def _pooler_settings(self, release: Release) -> dict[str, object]:
        settings: dict[str, object] = {
            "pgbouncer.enabled": True,
            "pgbouncer.replicas": self.pgbouncer.replicas,
            "pgbouncer.configSecretName": release.secret("pgbouncer-config"),
            "pgbouncer.metricsExporterSidecar.statsSecretName": release.secret("pgbouncer-stats"),
        }
        if release.reloader:
            settings["pgbouncer.annotations"] = dict(release.reloader)
        if release.disruption_budgets and self.pgbouncer.replicas > 1:
            settings["pgbouncer.podDisruptionBudget"] = {"enabled": True}
        return settings

    def _flows(self, release: Release, metadata: Endpoint) -> tuple[Flow, ...]:
        """Return the connections; behind PgBouncer, only the migrations connect directly."""
        mode, results = self.pgbouncer.mode, self.result_backend
        pooler = ("pgbouncer",) if mode == "chart" else ()
        direct = (*pooler, "run-airflow-migrations") if mode != "off" else ()
        clients = release.database_clients if release.isolated_database else ()
        flows = [Flow("PostgreSQL", metadata.host, metadata.port, direct or clients)]
        if mode == "external":
            flows.append(Flow("PgBouncer", self.pgbouncer.host, self.pgbouncer.port, clients))
        if release.celery and results.kind == "separate":
            flows.append(Flow("result backend", results.host, results.port, pooler))
        return tuple(flows)

    def _mounts(self, release: Release) -> tuple[Mount, ...]:
        if not self.ca.file:
            return ()
        folder = CA_PATH.rpartition("/")[0]
        return (Mount("database-ca", release.names.object_name("database-ca"), folder),)

    def _manifests(self, release: Release) -> tuple[File, ...]:
        if not self.ca.file:
            return ()
        return (ca_config_map(release, "database-ca", release.assets.get("database.ca.file", "")),)


def _needs_async_url(release: Release, endpoint: Endpoint) -> bool:
    """Return whether the URL that Airflow would derive has parameters that asyncpg refuses."""
    has_parameters = bool(endpoint.sslmode) or not endpoint.has_plain_name
    return release.airflow >= ASYNC_SINCE and has_parameters


def _async_variables(release: Release, endpoint: Endpoint) -> Iterator[EnvVar]:
    """Yield the variables of the asynchronous connection.

    asyncpg has no parameter for the CA in a URL; it reads libpq's variable. Only the API server
    gets it: elsewhere, libpq would verify the servers of the DAGs' own connections with this CA.
    """
    if not _needs_async_url(release, endpoint):
        return
    secret = release.secret("metadata")
    clients = release.database_clients if release.isolated_database else ()
    yield EnvVar(
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC",
        secret=secret,
        key=ASYNC_KEY,
        components=clients,
    )
    if endpoint.has_ca and endpoint.verifies:
        yield EnvVar("PGSSLROOTCERT", CA_PATH, components=("api-server",))
