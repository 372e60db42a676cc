"""Checks of a repository that the wizard did not write."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.chart.versions import chart_version, list_chart_versions
from wizard.checks.engine import run_checks
from wizard.checks.schema import load_chart_schema
from wizard.checks.subject import Layout
from wizard.checks.unjudged import report_links, report_unjudged
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.git.foreign_files import find_unsafe_links, read_foreign_files

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree

_KINDS = (
    ".yaml", ".yml", ".json", ".hcl", ".tf", ".tfvars", ".env", ".envrc", ".ini", ".cfg", ".conf",
    ".properties", ".toml", ".xml", ".txt", ".md", ".sh", ".py", ".sql", ".j2", ".tpl", ".pem",
    ".key", ".ppk", ".netrc", ".pgpass", ".npmrc", ".pypirc", "Dockerfile", "Containerfile",
)  # fmt: skip
_MAX_FILES = 5000


def inspect_repository(
    repository: WorkTree, chart: Path | None = None, *, ours: Sequence[str] = ()
) -> tuple[int, list[Finding]]:
    """Return how many committed text files were checked, and the findings.

    The folders `ours` belong to the wizard's installations, which are checked elsewhere against
    their answers. Here their files are only read so that references to them resolve.
    `chart` is the deployed chart, used for its schema (default: the newest known version).
    Without answers, the chart version and the Secrets outside Git are unknown. The values file is
    recognised by keys that only Airflow's chart has, and the Airflow version is read from it.
    """
    inside = tuple(f"{folder}/" for folder in ours)
    known = [path for path in repository.head_tree() if path.endswith(_KINDS)]
    listed = [path for path in known if not path.startswith(inside)]
    if not listed:
        return 0, []
    beside = [path for path in known if path.startswith(inside)]
    read = read_foreign_files(repository, [*listed[:_MAX_FILES], *beside[:_MAX_FILES]])
    files = read.data
    own = {path: data for path, data in files.items() if not path.startswith(inside)}
    values, airflow = _find_values(own)
    version, schema = _load_chart(chart)
    found = run_checks(
        files,
        chart=version,
        airflow=airflow or chart_version(version).airflow,
        installation=Layout(values=values),
        chart_schema=schema,
    )
    found += report_unjudged(read.skipped)
    found = [one for one in found if not one.path.startswith(inside)]
    if not ours:
        found += inspect_links(repository)
    if len(listed) > _MAX_FILES:
        message = f"only {_MAX_FILES} of {len(listed)} text files were read"
        fix = "check a repository that holds only configuration"
        found.append(Finding("check.limit", "warning", "(repository)", "", message, Fix(fix)))
    return len(own), found


def inspect_links(repository: WorkTree) -> list[Finding]:
    """Return a finding for each committed symbolic link that leaves the repository or never ends.

    Links outside the folder of the installations are included: Argo CD judges the repository.
    """
    unsafe = find_unsafe_links(repository.list_links())
    prefix = repository.path_prefix
    return [*report_links({_relative(path, prefix): why for path, why in unsafe.items()})]


def _relative(path: str, prefix: str) -> str:
    if path.startswith(prefix):
        return path.removeprefix(prefix)
    return posixpath.relpath(path, prefix)


def _load_chart(chart: Path | None) -> tuple[str, Mapping[str, Any] | None]:
    """Return the nearest chart version that the wizard knows, and the chart's own schema."""
    if chart is None:
        return list_chart_versions()[0], None

    loaded = load_chart_schema(chart)
    versions = list_chart_versions()
    return loaded.version if loaded.version in versions else versions[0], loaded.schema


def _find_values(files: dict[str, bytes]) -> tuple[str, str]:
    """Return the path of the Helm values of Airflow's chart, and the Airflow version in them."""
    import re

    for path, data in files.items():
        if not path.endswith((".yaml", ".yml")) or b"executor:" not in data:
            continue
        documents, _ = parse_yaml(path, data)
        first: Any = documents[0] if len(documents) == 1 else None
        if (
            isinstance(first, dict)
            and "kind" not in first
            and isinstance(first.get("executor"), str)
        ):
            version = str(first.get("airflowVersion", ""))
            return path, version if re.fullmatch(r"\d+\.\d+\.\d+", version) else ""
    return "", ""
