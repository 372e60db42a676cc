"""A DAG for the tests: a task that the triggerer wakes up again."""

# mypy: ignore-errors

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, dag


class Nap(BaseOperator):
    """Leaves its slot for a while, and returns what the triggerer said then.

    A busy scheduler must hear of the first part's end before the second part is queued: otherwise
    it takes the end of the first for that of the second, and the task fails.
    """

    def execute(self, context):
        print(f"{context['run_id']} defers")
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=15)), method_name="wake")

    def wake(self, context, event):
        return f"{context['run_id']} woken at {event}"


@dag(schedule=None)
def deferred():
    Nap(task_id="nap")


deferred()
