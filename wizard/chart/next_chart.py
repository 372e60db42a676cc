"""What the next major version of the chart is announced to drop, and who is affected.

Sources, all of apache/airflow: issue 64037 and the chart's `main` (Airflow 3.1 or later), pull
requests 71883 and 73082 (git-sync), issue 55823 (bundled PostgreSQL), pull request 72209 (default
user), pull request 67807 (service links). Chart 2.0 is not released, so this may change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.chart.users import creates_user
from wizard.formats.nested import get_value

NEXT_CHART = "2.0"
_LOWEST_AIRFLOW = (3, 1, 0)


@dataclass(frozen=True, slots=True)
class Loss:
    """A value that the next chart reads no longer or differently, and what to use instead.

    `question` is the dotted key of the answer to change; empty if there is none.
    """

    key: str
    text: str
    question: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the loss for `check --json`."""
        return {"key": self.key, "text": self.text, "question": self.question}

    def __str__(self) -> str:
        return f"{self.key}: {self.text}"


def forecast_losses(values: Mapping[str, Any], airflow: tuple[int, int, int]) -> Iterator[Loss]:
    """Yield what of these Helm values the next chart is announced to drop or to change."""
    if airflow < _LOWEST_AIRFLOW:
        yield Loss(
            "airflowVersion", "it installs Airflow 3.1 and later only", "installation.airflow"
        )
    if get_value(values, ("dags", "gitSync", "enabled")) is True:
        instead = (
            "load the DAGs as bundles (`dags.source: bundle`)"
            if airflow >= (3, 0, 0)
            else "Airflow 3 loads DAGs as bundles"
        )
        yield Loss("dags.gitSync", f"git-sync goes; {instead}", "dags.source")
    if get_value(values, ("postgresql", "enabled"), True) is not False:
        yield Loss(
            "postgresql",
            "the bundled PostgreSQL goes; use a database of your own (`database.kind`)",
            "database.kind",
        )
    if creates_user(values):
        yield Loss(
            "createUserJob",
            "the user that the chart creates may go; log in with single sign-on (`access.login`), "
            "or create users by hand",
            "access.login",
        )
    if get_value(values, ("enableServiceLinks",)) is not False:
        yield Loss(
            "enableServiceLinks",
            "it is off by default; pods that use variables such as REDIS_SERVICE_HOST lose them",
        )
