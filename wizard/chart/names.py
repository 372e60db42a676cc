"""Names of the objects the Airflow chart makes, by its own rules.

Source: chart 1.22.0, verified by rendering (facts on the chart, section 5). Emitted values never
set nameOverride, fullnameOverride or useStandardNaming, so the two default rules are enough.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one Helm release; `release` is its name, `namespace` where it lives."""

    release: str
    namespace: str

    @property
    def fullname(self) -> str:
        """Prefix of Deployments, Services, ConfigMaps and default Secrets."""
        return self.release

    def service_account(self, component: str) -> str:
        """ServiceAccount of a component: another prefix than everything else.

        Release `data-platform` runs Deployment `data-platform-worker` under ServiceAccount
        `data-platform-airflow-worker`; Vault roles must bind the second.
        """
        prefix = self.release if "airflow" in self.release else f"{self.release}-airflow"
        return f"{prefix}-{component}"

    def object_name(self, suffix: str) -> str:
        """Any other object: Deployment, Service, Job or Secret of ours beside them."""
        return f"{self.fullname}-{suffix}"

    @property
    def pgbouncer_host(self) -> str:
        """The PgBouncer Service as the chart's own URLs spell it."""
        return f"{self.fullname}-pgbouncer.{self.namespace}"

    @property
    def redis_host(self) -> str:
        """The chart's Redis Service."""
        return f"{self.fullname}-redis"

    @property
    def bundled_postgres_host(self) -> str:
        """The bundled PostgreSQL Service: by release name, never by fullname."""
        return f"{self.release}-postgresql.{self.namespace}"

    @property
    def metadata_alias(self) -> str:
        """PgBouncer's alias of the metadata database: by release name."""
        return f"{self.release}-metadata"

    @property
    def result_alias(self) -> str:
        """PgBouncer's alias of the result backend: by release name."""
        return f"{self.release}-result-backend"
