"""Rules on where task logs are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.errors import Problem
from wizard.formats.log_urls import EXAMPLES, LogScheme, parse_log_url

if TYPE_CHECKING:
    from wizard.answers.model import Answers

_SCHEMES: dict[str, LogScheme] = {
    "s3": "s3", "gcs": "gs", "azure": "wasb", "elasticsearch": "https", "opensearch": "https",
}  # fmt: skip
# Airflow's own settings of logging pass `write_to_os` on since this version.
_OPENSEARCH_WRITES = (3, 2, 0)


def check_logs(answers: Answers) -> Iterator[Problem]:
    """Report a URL of another store, and what this Airflow cannot do with the store."""
    logs = answers.logs
    if logs.kind != "remote":
        return
    if logs.url:
        yield from _check_url(answers)
    version = answers.installation.airflow_version
    if logs.destination == "opensearch" and version < (3, 0, 0):
        yield Problem(
            "logs.destination",
            "use elasticsearch, or Airflow 3: Airflow 2 has no setting for OpenSearch",
        )
    elif logs.destination in {"elasticsearch", "opensearch"} and logs.writer == "airflow":
        needed = _OPENSEARCH_WRITES if logs.destination == "opensearch" else (3, 0, 0)
        if version < needed:
            least = ".".join(map(str, needed))
            yield Problem(
                "logs.writer", f"use shipper: Airflow itself writes there since version {least}"
            )


def _check_url(answers: Answers) -> Iterator[Problem]:
    logs = answers.logs
    place, wanted = parse_log_url(logs.url), _SCHEMES[logs.destination]
    if place.scheme != wanted:
        yield Problem("logs.url", f"for {logs.destination}, give a URL such as {EXAMPLES[wanted]}")
    elif wanted == "wasb" and not place.folder.startswith("wasb"):
        yield Problem(
            "logs.url",
            "let the folder begin with wasb, by which Airflow knows the store: such as "
            f"{EXAMPLES['wasb']}",
        )
    elif logs.destination == "opensearch" and place.folder:
        yield Problem("logs.url", f"give a URL without a path, such as {EXAMPLES['https']}")
