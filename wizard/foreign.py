"""Checking a repository that the wizard has not written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.chart.settings import DEFAULT_AIRFLOW, VERSIONS
from wizard.checks.engine import run
from wizard.checks.finding import Finding
from wizard.checks.subject import Layout

if TYPE_CHECKING:
    from wizard.repo import Repository

_KINDS = (".yaml", ".yml", ".json", ".hcl", ".tf", ".env", ".ini", ".txt", ".md", ".toml", ".sh")
_MAX_FILES = 5000


def inspect_repository(repository: Repository) -> tuple[int, list[Finding]]:
    """How many committed text files were checked, and the findings.

    Without answers nobody says which chart or which Secrets exist elsewhere: the values file is
    recognised by what only Airflow's chart has, and its versions are read from it.
    """
    wanted = [path for path in repository.head_tree() if path.endswith(_KINDS)][:_MAX_FILES]
    read = repository.read_many(wanted)
    files = {path: data for path, data in read.items() if data is not None}
    values, airflow = _values(files)
    chart = VERSIONS[0]
    layout = Layout(values=values)
    return len(files), run(
        files, chart=chart, airflow=airflow or DEFAULT_AIRFLOW[chart], installation=layout
    )


def _values(files: dict[str, bytes]) -> tuple[str, str]:
    """Path of the Helm values of Airflow's chart, and the Airflow version it names."""
    import re

    from wizard.checks.parse import parse

    for path, data in files.items():
        if not path.endswith((".yaml", ".yml")) or b"executor:" not in data:
            continue
        documents, _ = parse(path, data)
        first: Any = documents[0] if len(documents) == 1 else None
        if isinstance(first, dict) and "kind" not in first and "executor" in first:
            version = str(first.get("airflowVersion", ""))
            return path, version if re.fullmatch(r"\d+\.\d+\.\d+", version) else ""
    return "", ""
