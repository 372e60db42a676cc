"""Runs the checks on a rendering, or on a repository that the wizard may not have written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wizard.checks.engine import read_subject, run_checks
from wizard.checks.schema import load_chart_schema
from wizard.checks.subject import DEFAULT_ARGOCD_NAMESPACE, Layout, Subject
from wizard.checks.unjudged import report_unjudged
from wizard.errors import Fix, UsageError
from wizard.findings import Finding
from wizard.manifests.objects import APPLICATIONS, MANIFESTS
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    from wizard.plan.render import Rendering


def build_layout(rendering: Rendering) -> Layout:
    """Return the facts about a wizard installation that the checks need besides its files."""
    release, total = rendering.release, rendering.total
    outside: dict[str, tuple[str, ...] | None] = {
        name: keys or None for name, keys in total.existing_secrets.items()
    }
    if store_kind(release.store).composes_secrets:
        outside.update({secret.name: tuple(secret.keys) for secret in total.secrets})
    vault = [(file.logical, Path(file.path).stem, file.path) for file in total.files]
    return Layout(
        release=release.names.release,
        namespace=release.namespace,
        values=release.paths.values,
        secrets=outside,
        config_maps=frozenset(total.existing_maps),
        policies={stem: path for logical, stem, path in vault if _is_vault_file(logical, "policy")},
        roles={stem: path for logical, stem, path in vault if _is_vault_file(logical, "role")},
        argocd=release.controller_namespace or DEFAULT_ARGOCD_NAMESPACE,
        manifests=_list_paths(rendering, MANIFESTS),
        applications=_list_paths(rendering, APPLICATIONS),
        encrypted=total.encrypted,
        registry=release.image_registry,
        prefix="" if release.prefix in {"", "."} else release.prefix.strip("/"),
    )


def _list_paths(rendering: Rendering, logical: str) -> frozenset[str]:
    files = rendering.tree.values()
    return frozenset(file.path for file in files if file.logical.startswith(logical))


def _is_vault_file(logical: str, what: str) -> bool:
    """Return whether the file is a policy or role, of the installation or another store reader."""
    return logical.startswith("vault/") and logical.endswith((f"/{what}", f"-{what}"))


def inspect_rendering(
    rendering: Rendering,
    files: Mapping[str, bytes],
    chart: Path | None = None,
    skipped: Mapping[str, str] = MappingProxyType({}),
    rivals: frozenset[str] = frozenset(),
    unsearched: Mapping[str, str] = MappingProxyType({}),
) -> list[Finding]:
    """Return the findings for the rendered files; with `chart`, also by that chart's own schema.

    `skipped` are files that take effect with them but were not read, and why not. `rivals` are
    files of others, anywhere, that deploy the installation too; `unsearched` may do so, but were
    not read.
    Raises UsageError if `chart` is not a chart of the version in the answers.
    """
    release = rendering.release
    found = run_checks(
        files,
        chart=release.chart,
        airflow=".".join(str(part) for part in release.airflow),
        installation=replace(build_layout(rendering), rivals=rivals),
        chart_schema=_schema(chart, release.chart) if chart else None,
    )
    found += report_unjudged(skipped, named=True)
    return [*found, *_report_unsearched(unsearched)]


def read_rendering(rendering: Rendering) -> Subject:
    """Return the files of a rendering as the checks see them."""
    release = rendering.release
    files = {path: file.data for path, file in rendering.tree.items()}
    airflow = ".".join(str(part) for part in release.airflow)
    return read_subject(files, release.chart, airflow, build_layout(rendering))[0]


def _report_unsearched(unsearched: Mapping[str, str]) -> Iterator[Finding]:
    for path, why in unsearched.items():
        message = f"not judged whether it deploys this installation a second time: {why}"
        fix = Fix("put a smaller, regular file in its place")
        yield Finding("check.unjudged", "warning", path, "", message, fix)


def _schema(chart: Path, wanted: str) -> Mapping[str, Any]:
    loaded = load_chart_schema(chart)
    if loaded.version != wanted:
        raise UsageError(
            f"--chart is version {loaded.version}, but installation.chart is {wanted}",
            "give a chart of the answered version, or change installation.chart",
        )
    return loaded.schema
