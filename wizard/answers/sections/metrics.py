"""The section Metrics: which monitoring system gets Airflow's metrics, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wizard.formats.address_types import Address
from wizard.formats.addresses import split_address
from wizard.formats.nested import get_value
from wizard.formats.types import LabelKey, MetricPrefix, ObjectName, Text
from wizard.manifests.contribution import Contribution, EnvVar, Flow
from wizard.manifests.metrics import exporter_settings, metrics_note, service_monitor
from wizard.manifests.release import Release
from wizard.manifests.statsd_mappings import OWN_PREFIX, build_mappings
from wizard.manifests.tree import File
from wizard.questions.cases import (
    METRICS_TARGET,
    PROMETHEUS,
    SCRAPED_THROUGH_POLICIES,
    SERVICE_MONITOR,
    STATSD_IPV6,
)
from wizard.questions.section import QuestionInfo, Section

_DATADOG_PORT = 8125
_HOST_VARIABLE = "AIRFLOW__METRICS__STATSD_HOST"


class Metrics(Section):
    """Where Airflow sends its metrics."""

    title: ClassVar[str] = "Metrics"
    intro: ClassVar[str] = "Airflow reports scheduler heartbeats, queues, DAG runs and tasks."

    kind: Annotated[
        Literal["prometheus", "statsd", "datadog", "otel", "none"],
        QuestionInfo(
            labels={
                "prometheus": "Prometheus, from the chart's exporter",
                "statsd": "a StatsD server",
                "datadog": "the Datadog agent on each node",
                "otel": "an OpenTelemetry collector",
                "none": "none",
            },
            source="production guide, Metrics; chart 1.22.0",
        ),
    ] = Field(
        default="prometheus",
        title="Metrics",
        description=(
            "Prometheus scrapes an exporter that the chart runs; Airflow sends to the others. "
            "With an image of your own, metrics for the Datadog agent have tags; the image then "
            "needs the package datadog."
        ),
    )
    target: Annotated[
        Address,
        QuestionInfo(
            when=METRICS_TARGET,
            required=True,
            find="The address of the agent or collector, from whoever runs it.",
        ),
    ] = Field(
        default="",
        title="Target",
        description="host:port of the server, such as statsd.example.internal:8125 (UDP) or "
        "otel.example.internal:4318 (OTLP over HTTP).",
    )
    ipv6: Annotated[bool, QuestionInfo(when=STATSD_IPV6)] = Field(
        default=False, title="IPv6", description="Send to an IPv6 address."
    )
    prefix: MetricPrefix = Field(
        default=OWN_PREFIX,
        title="Prefix",
        description=(
            "First part of the name of each metric. Dashboards made for the chart expect airflow."
        ),
    )
    scrape_namespace: Annotated[ObjectName, QuestionInfo(when=SCRAPED_THROUGH_POLICIES)] = Field(
        default="",
        title="Prometheus in",
        description=(
            "With network policies: namespace of Prometheus. Empty: only pods of Airflow can "
            "reach the exporter, so nothing is scraped."
        ),
    )
    service_monitor: Annotated[bool, QuestionInfo(when=PROMETHEUS)] = Field(
        default=False,
        title="ServiceMonitor",
        description=(
            "Write a ServiceMonitor for the Prometheus Operator, whose CRDs must exist. Without "
            "it, the Service has the prometheus.io annotations."
        ),
    )
    monitor_labels: Annotated[dict[LabelKey, Text], QuestionInfo(when=SERVICE_MONITOR)] = Field(
        default_factory=dict,
        title="Labels",
        description="NAME=VALUE labels by which your Prometheus selects ServiceMonitors.",
    )

    def contribute(self, release: Release) -> Contribution:
        """Return the options of Airflow's metrics, and what a scraper needs."""
        return Contribution(
            settings=dict(self._settings(release)),
            env=(EnvVar(_HOST_VARIABLE, field="status.hostIP"),) if self._on_nodes else (),
            flows=(Flow("Datadog agent", "the node", _DATADOG_PORT, protocol="UDP"),)
            if self._on_nodes
            else (),
            manifests=tuple(self._manifests(release)),
            packages=("datadog",) if self._has_tags(release) else (),
            notes=(metrics_note(release),) if self.kind == "prometheus" else (),
        )

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Give the exporter its mappings for another prefix, unless `values:` have some."""
        del release
        own = get_value(total.values, ("statsd",)) or {}
        given = isinstance(own, Mapping) and ("extraMappings" in own or "overrideMappings" in own)
        if self.kind != "prometheus" or self.prefix == OWN_PREFIX or given:
            return Contribution()
        return Contribution(settings={"statsd.overrideMappings": build_mappings(self.prefix)})

    @property
    def _on_nodes(self) -> bool:
        return self.kind == "datadog"

    def _has_tags(self, release: Release) -> bool:
        """Return whether metrics have tags, by Datadog's own client."""
        return self._on_nodes and release.own_image

    def _settings(self, release: Release) -> Iterator[tuple[str, object]]:
        if self.kind == "prometheus":
            if release.network_policies:
                yield from exporter_settings(release, self.scrape_namespace).items()
            if self.prefix != OWN_PREFIX:
                yield "config.metrics.statsd_prefix", self.prefix
            return
        yield "statsd.enabled", False
        if self.kind == "none":
            return
        host, port = split_address(self.target) if self.target else ("", _DATADOG_PORT)
        protocol = "otel" if self.kind == "otel" else "statsd"
        yield f"config.metrics.{protocol}_on", "True"
        if host:
            yield f"config.metrics.{protocol}_host", host
        yield f"config.metrics.{protocol}_port", port
        yield f"config.metrics.{protocol}_prefix", self.prefix
        if self.ipv6:
            yield "config.metrics.statsd_ipv6", "True"
        if self._has_tags(release):
            yield "config.metrics.statsd_datadog_enabled", "True"

    def _manifests(self, release: Release) -> Iterator[File]:
        if self.kind == "prometheus" and self.service_monitor:
            yield service_monitor(release, self.monitor_labels)
