"""Rules between the answers and the chosen version of the chart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.chart.versions import VERSIONS, chart_version
from wizard.errors import Problem
from wizard.formats.version_ranges import split_version

if TYPE_CHECKING:
    from wizard.answers.model import Answers


def check_airflow_version(answers: Answers) -> Iterator[Problem]:
    """Report an Airflow version that the chart does not support.

    Source: charts 1.20 and later refuse versions below 2.11.0; no chart supports Airflow 4.
    """
    version = answers.installation.airflow_version
    chart = chart_version(answers.installation.chart)
    if version < split_version(chart.lowest):
        older = next((one for one in VERSIONS if version >= split_version(one.lowest)), None)
        instead = f", or use chart {older.chart}" if older else ""
        yield Problem(
            "installation.airflow",
            f"use {chart.lowest} or later{instead}: chart {chart.chart} does not support earlier "
            "versions",
        )
    elif version >= (3, 0, 0) and chart.airflow_2_only:
        newer = next(one for one in reversed(VERSIONS) if not one.airflow_2_only)
        yield Problem(
            "installation.chart",
            f"use {newer.chart} or later for Airflow 3: {chart.chart} is for Airflow 2 only",
        )
    if version >= (4, 0, 0):
        newest = VERSIONS[0].airflow
        yield Problem("installation.airflow", f"use 2.11.x or 3.x, such as {newest}")


def check_shared_worker_resources(answers: Answers) -> Iterator[Problem]:
    """Report different resources for workers and task pods where the chart has one key for both.

    Source: `workers.resources` of charts before 1.20.
    """
    executor = answers.executor
    both = "Celery" in executor.kind and "Kubernetes" in executor.kind
    # A pod template of one's own says what task pods get.
    both = both and not executor.task_pods.template
    differ = both and executor.workers.resources.to_values() != executor.task_pods.to_values()
    chart = answers.installation.chart
    if differ and split_version(chart) < (1, 20, 0):
        yield Problem(
            "executor.task_pods.cpu",
            "use the same resources for task pods and workers, or use chart 1.20.0 or "
            f"later: {chart} has one setting for both",
        )


def check_chart_features(answers: Answers) -> Iterator[Problem]:
    """Report answers that charts before 1.19 have no key for. Source: KEYDIFF."""
    chart = answers.installation.chart
    if split_version(chart) >= (1, 19, 0):
        return
    pull = [*answers.installation.image.all_pull_secrets]
    pull += [one.name for one in answers.secrets.extra if one.pull]
    celery = "Celery" in answers.executor.kind
    for key, used, instead in (
        ("installation.image.pull_secrets", len(pull) > 1, "name one pull secret"),
        ("environment.cleanup.database", answers.environment.cleanup.database, "turn it off"),
        ("components.pod_labels", bool(answers.components.pod_labels), "remove them"),
        ("executor.queue", celery and answers.executor.queue != "default", "use default"),
    ):
        if used:
            yield Problem(
                key, f"{instead}, or use chart 1.19.0 or later: {chart} has no key for it"
            )
