"""Who connects to what: each component by the options in effect in its own pods."""

from __future__ import annotations

from wizard.chart.configuration import Configuration
from wizard.chart.connections import Connection, list_connections
from wizard.chart.variables import Installation


def test_host_and_port_are_those_of_each_component() -> None:
    values = {
        "scheduler": {
            "env": [
                {"name": "AIRFLOW__METRICS__STATSD_HOST", "value": "10.0.0.9"},
                {"name": "AIRFLOW__METRICS__STATSD_PORT", "value": "9125"},
            ]
        },
        "triggerer": {"env": [{"name": "AIRFLOW__METRICS__STATSD_HOST", "value": "10.0.0.8"}]},
        "config": {"smtp": {"smtp_host": "mail.example.com", "smtp_port": 587}},
    }
    assert list_connections(Configuration(Installation(values, (3, 2, 2)))) == (
        Connection("metrics.statsd_host", "10.0.0.9", 9125, "UDP", ("scheduler",)),
        Connection("metrics.statsd_host", "10.0.0.8", 8125, "UDP", ("triggerer",)),
        Connection("smtp.smtp_host", "mail.example.com", 587),
    )
