"""The mappings of the chart's StatsD exporter, for metrics that begin with another word.

The chart's own give labels, such as `dag_id`, to metrics that begin with `airflow`; all others
become a metric of their own for each DAG and task.

Source: chart 1.22.0, files/statsd-mappings.yml; documentation of statsd_exporter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

OWN_PREFIX = "airflow"
_TASK = ("queue", "dag_id", "task_id")
# What follows the prefix, the end of the name if it is another one, and the labels in order.
_GLOBS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("dagrun.dependency-check.*.*", "dagrun_dependency_check", ("dag_id",)),
    ("dag.*.*.duration", "task_duration", ("dag_id", "task_id")),
    ("dagrun.duration.success.*", "dagrun_duration", ("dag_id",)),
    ("dagrun.duration.failed.*", "dagrun_failed", ("dag_id",)),
    ("dagrun.schedule_delay.*", "", ("dag_id",)),
    ("dag_processing.last_runtime.*", "", ("dag_file",)),
    ("dag_processing.last_run.seconds_ago.*", "", ("dag_file",)),
    *((f"pool.{one}.*", "", ("pool",)) for one in ("open_slots", "used_slots", "starving_tasks")),
    *(
        (f"executor.{one}.*", "", ("executor",))
        for one in ("open_slots", "queued_tasks", "running_tasks")
    ),
    *((f"ti.{one}.*.*.*", "", _TASK) for one in ("running", "queued", "scheduled", "deferred")),
)
_OPERATORS = ("operator_successes", "operator_failures")
_HEARTBEATS = ("scheduler_heartbeat", "dag_processor_heartbeat")


def build_mappings(prefix: str) -> list[dict[str, Any]]:
    """Return the chart's mappings for metrics that begin with `prefix`."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", prefix)
    literal = re.escape(prefix)
    found = []
    for match, ending, labels in _GLOBS:
        ending = ending or re.sub(r"[.-]", "_", match.partition(".*")[0])
        values = {label: f"${number}" for number, label in enumerate(labels, 1)}
        found.append({"match": f"{prefix}.{match}", "name": f"{name}_{ending}", "labels": values})
    for one in _OPERATORS:
        match = rf"{literal}\.{one}_(.*)"
        found.append(_regex(match, f"{name}_{one}", {"operator": "$1"}))
    for one in _HEARTBEATS:
        found.append(_regex(rf"{literal}\.{one}", f"{name}_{one}", {"type": "counter"}))
    return found


def _regex(match: str, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    return {"match": match, "match_type": "regex", "name": name, "labels": labels}
