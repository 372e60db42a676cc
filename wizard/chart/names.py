"""Names of the objects that the Airflow chart creates, by the chart's own rules.

Source: chart 1.22.0, verified by rendering (facts on the chart, section 5). The wizard never sets
nameOverride, fullnameOverride or useStandardNaming, so the chart's two default rules are enough.
"""

from __future__ import annotations

from dataclasses import dataclass

# The ends of the names of the chart's own Jobs.
MIGRATIONS_JOB, CREATE_USER_JOB = "run-airflow-migrations", "create-user"


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one Helm release; `release` is its name, `namespace` its namespace."""

    release: str
    namespace: str

    @property
    def fullname(self) -> str:
        """Return the prefix of Deployments, Services, ConfigMaps and default Secrets."""
        return self.release

    def service_account(self, component: str) -> str:
        """Return the ServiceAccount of a component; its prefix differs from other objects' prefix.

        Release `data-platform` runs Deployment `data-platform-worker` under ServiceAccount
        `data-platform-airflow-worker`; Vault roles must bind the ServiceAccount.
        """
        prefix = self.release if "airflow" in self.release else f"{self.release}-airflow"
        return f"{prefix}-{component}"

    def object_name(self, suffix: str) -> str:
        """Return the name of a Deployment, Service or Job, or of a Secret from the wizard."""
        return f"{self.fullname}-{suffix}"

    @property
    def pgbouncer_host(self) -> str:
        """Return the host of the PgBouncer Service, spelled as in the chart's own URLs."""
        return f"{self.fullname}-pgbouncer.{self.namespace}"

    @property
    def redis_host(self) -> str:
        """Return the host of the chart's Redis Service."""
        return f"{self.fullname}-redis"

    @property
    def bundled_postgres_host(self) -> str:
        """Return the host of the bundled PostgreSQL Service; it uses the release name."""
        return f"{self.release}-postgresql.{self.namespace}"

    @property
    def database_cluster(self) -> str:
        """Return the name of the Cluster of CloudNativePG; its Services have it in front."""
        return self.object_name("db")

    @property
    def metadata_alias(self) -> str:
        """Return PgBouncer's alias of the metadata database; it uses the release name."""
        return f"{self.release}-metadata"

    @property
    def result_alias(self) -> str:
        """Return PgBouncer's alias of the result backend; it uses the release name."""
        return f"{self.release}-result-backend"
