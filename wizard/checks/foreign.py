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
from wizard.checks.unjudged import IS_TEMPLATE, report_links, report_unjudged
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.git.foreign_files import (
    find_unsafe_links,
    follow_link,
    read_foreign_files,
)

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree

_KINDS = (
    ".yaml", ".yml", ".json", ".hcl", ".tf", ".tfvars", ".env", ".envrc", ".ini", ".cfg", ".conf",
    ".properties", ".toml", ".xml", ".txt", ".md", ".sh", ".py", ".sql", ".j2", ".tpl", ".pem",
    ".key", ".ppk", ".netrc", ".pgpass", ".npmrc", ".pypirc", "Dockerfile", "Containerfile",
)  # fmt: skip
_MAX_FILES = 5000
# Values as a template or encrypted as a whole: those of helmfile, Ansible, Jsonnet, CUE or age.
_VALUE_WORDS = ("airflow", "helmfile", "values")
_TEMPLATE_MARKS = (".yaml.", ".yml.")
_TEMPLATE_KINDS = (".gotmpl", ".jsonnet", ".libsonnet", ".cue")


def inspect_repository(
    repository: WorkTree, chart: Path | None = None, *, ours: Sequence[str] = ()
) -> tuple[int, list[Finding]]:
    """Return how many committed text files were checked, and the findings.

    The folders `ours` belong to the wizard's installations, which are checked elsewhere against
    their answers. Here their files are only read so that references to them resolve.
    `chart` is the deployed chart, used for its schema. The chart's version is the one that a file
    states, else that of `chart`, else the newest known one; Airflow's version is read from the
    values. The Secrets outside Git are unknown.
    """
    inside = tuple(f"{folder}/" for folder in ours)
    regular = repository.head_tree()
    # Links and submodules may be folders; what they lead to is judged or named, never left out.
    known = [
        path
        for path in repository.head_tree(links=True)
        if path.endswith(_KINDS) or (path not in regular and "." not in posixpath.basename(path))
    ]
    listed = [path for path in known if not path.startswith(inside)]
    templates = [
        path
        for path in regular
        if _is_value_template(posixpath.basename(path)) and not path.startswith(inside)
    ]
    if ours and not listed and not templates:
        return 0, []
    beside = [path for path in known if path.startswith(inside)]
    read = read_foreign_files(repository, [*listed[:_MAX_FILES], *beside[:_MAX_FILES]])
    files = read.data
    links = _resolve_links(repository, read.skipped, files)
    skipped = {path: why for path, why in read.skipped.items() if path not in links}
    version, schema = _load_chart(chart)
    found = run_checks(
        files,
        chart=version,
        airflow=chart_version(version).airflow,
        installation=Layout(),
        chart_schema=schema,
        links=links,
        whole=not ours,
    )
    found += report_unjudged({**dict.fromkeys(templates, IS_TEMPLATE), **skipped})
    found = [one for one in found if not one.path.startswith(inside)]
    if not ours:
        argocd = any(b"argoproj.io/" in data for data in files.values())
        found += inspect_links(repository, gitops=argocd)
    if len(listed) > _MAX_FILES:
        message = f"only {_MAX_FILES} of {len(listed)} text files were read"
        fix = "check a repository that holds only configuration"
        found.append(Finding("check.limit", "warning", "(repository)", "", message, Fix(fix)))
    own = [path for path in files if not path.startswith(inside)]
    return len(own), found


def _is_value_template(name: str) -> bool:
    """Return whether a file of this name holds values that only another program can read."""
    kind = name.endswith(_TEMPLATE_KINDS) or any(mark in name for mark in _TEMPLATE_MARKS)
    return kind and any(word in name for word in _VALUE_WORDS)


def _resolve_links(
    repository: WorkTree, skipped: Mapping[str, str], files: Mapping[str, bytes]
) -> dict[str, str]:
    """Return the skipped links that lead to files which were read, with their targets.

    A link that leaves the repository or never ends is left to `inspect_links`.
    """
    links = repository.list_links() if skipped else {}
    prefix = repository.path_prefix
    found = {}
    for path in skipped:
        target = follow_link(f"{prefix}{path}", links)
        if target is None or not f"{target}/".startswith(prefix):
            continue
        target = target.removeprefix(prefix)
        if target in files or any(one.startswith(f"{target}/") for one in files):
            found[path] = target
    return found


def inspect_links(repository: WorkTree, *, gitops: bool = True) -> list[Finding]:
    """Return a finding for each committed symbolic link that leaves the repository or never ends.

    Links outside the folder of the installations are included: Argo CD judges the repository. It
    is only a warning without `gitops`: then no controller reads the repository.
    """
    unsafe = find_unsafe_links(repository.list_links())
    prefix = repository.path_prefix
    named = {_relative(path, prefix): why for path, why in unsafe.items()}
    return [*report_links(named, gitops=gitops)]


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
