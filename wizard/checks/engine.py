"""Runs every rule over a tree of files: `run_checks`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wizard.chart.contract import Version
from wizard.chart.keys import list_names
from wizard.checks import (
    chart_secrets,
    components,
    configuration,
    effective_values,
    git_markers,
    git_rules,
    git_sync,
    hosts,
    identity,
    images,
    kustomize,
    network,
    pod_template,
    references,
    schema,
    secrets,
    stores,
    templates,
    users,
    values,
)
from wizard.checks.subject import Document, Layout, Subject, as_list
from wizard.checks.unread import find_templates, is_template, report_no_values, report_unread
from wizard.deliveries.registry import DELIVERIES
from wizard.errors import NO_FIX, Fix
from wizard.findings import Finding
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.stores.registry import STORES

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.secrets.leak_gate import Gate

Rule = Callable[[Subject], Iterator[Finding]]

_RULES: tuple[Rule, ...] = (
    git_markers.check_git_markers,
    secrets.check_secrets,
    values.check_helm_values,
    configuration.check_configuration,
    components.check_components,
    users.check_users,
    chart_secrets.check_chart_secrets,
    identity.check_identity,
    images.check_images,
    network.check_network_policies,
    pod_template.check_pod_template,
    hosts.check_hosts,
    git_sync.check_git_sync,
    git_rules.check_git,
    references.check_references,
    stores.check_stores,
    templates.check_templates,
    kustomize.check_kustomize,
)
# Every rule runs once for each of them.
_MAX_EFFECTIVE = 50
_YAML = (".yaml", ".yml", ".json")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def run_checks(
    files: Mapping[str, bytes],
    *,
    chart: str,
    airflow: str,
    installation: Layout,
    held: Sequence[SecretStr] = (),
    chart_schema: Mapping[str, Any] | None = None,
    crds: schema.Crds | None = None,
    links: Mapping[str, str] = MappingProxyType({}),
    whole: bool = False,
) -> list[Finding]:
    """Return all findings for these files, sorted; the same input always gives the same list.

    `files` maps repository paths to bytes. `chart` and `airflow` are the installation's versions
    (X.Y.Z). `held` are all secret values that this process knows; no file content or file name may
    contain one of them. `chart_schema` and `crds` (by apiVersion and kind) add the rules of the
    chart and the cluster. `links` are symbolic links to some of the files (path to target).
    `whole`: the files are a repository of others; it is said if they hold no values of Airflow's
    chart. Raises nothing, whatever the files contain; only a ValueError if `airflow` is not a
    version.
    """
    subject, found = read_subject(files, chart, airflow, installation)
    subject = effective_values.add_declarations(replace(subject, links=links))
    found.extend(report_unread(subject))
    if whole and not subject.declarations:
        found.append(report_no_values())
    found.extend(_apply_rules(subject, chart_schema, crds))
    for number, effective in enumerate(effective_values.list_effective_values(subject)):
        if number == _MAX_EFFECTIVE:
            message = f"the values of only {_MAX_EFFECTIVE} releases were checked"
            fix = Fix("check a repository with fewer of them")
            found.append(Finding("check.limit", "warning", "(repository)", "", message, fix))
            break
        changed = effective.subject(subject)
        found.extend(effective.select(_apply_rules(changed, chart_schema, None), found))
    if held:
        from wizard.secrets.leak_gate import Gate

        gate = Gate(held)
        found = [*_withhold_secrets([*found, *_find_held_secrets(files, gate)], gate)]
    shown = {_escape_finding(_withhold_place(finding)) for finding in found}
    return sorted(shown, key=Finding.sort_key)


def _apply_rules(
    subject: Subject, chart_schema: Mapping[str, Any] | None, crds: schema.Crds | None
) -> Iterator[Finding]:
    for rule in (*_RULES, *_load_kind_rules()):
        yield from rule(subject)
    yield from schema.check_schema(subject, chart_schema, crds)


@cache
def _load_kind_rules() -> tuple[Rule, ...]:
    """Return the rules of all stores and deliveries: `CHECKS` of each folder's `checks` module.

    They apply to every tree, including a tree that the wizard did not write.
    """
    modules = [f"{package}.checks" for package in (*STORES.values(), *DELIVERIES.values())]
    found = [import_module(name) for name in modules if find_spec(name) is not None]
    return tuple(rule for module in found for rule in module.CHECKS)


def read_subject(
    files: Mapping[str, bytes], chart: str, airflow: str, layout: Layout
) -> tuple[Subject, list[Finding]]:
    """Return the parsed files with the facts about the installation, and findings about their text.

    Raises ValueError if `airflow` is not a version.
    """
    found: list[Finding] = []
    documents: list[Document] = []
    templates = frozenset() if layout.manifests else find_templates(files)
    for path, data in files.items():
        if not path.endswith(_YAML) and path != layout.values:
            continue
        if path in templates:
            continue
        parsed, problems = parse_yaml(path, data)
        guess = not layout.manifests and path != layout.values
        if guess and is_template(data, parsed, problems):
            templates |= {path}
            continue
        found += problems
        for number, document in enumerate(parsed):
            if isinstance(document, dict):
                documents += _objects(path, number, document)
    helm = [document.data for document in documents if document.path == layout.values]
    if layout.values and not helm:
        found.append(_missing_values_finding(layout.values, layout.values in files))
    version = _version(airflow)
    subject = Subject(
        files,
        layout,
        chart,
        version,
        tuple(documents),
        helm[0] if helm else None,
        templates=templates,
    )
    return subject, found


def _objects(path: str, number: int, data: Mapping[str, Any]) -> Iterator[Document]:
    """Yield the document itself, or the objects in a `kind: List`."""
    kind = data.get("kind")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(data.get("items"), list):
        for item in as_list(data["items"]):
            if isinstance(item, Mapping):
                yield Document(path, number, item)
    else:
        yield Document(path, number, data)


def _missing_values_finding(path: str, there: bool) -> Finding:
    message = "the Helm values cannot be read" if there else "there is no file of Helm values"
    fix = "write one YAML mapping" if there else "render the installation again"
    return Finding("values.missing", "error", path, "", message, Fix(fix))


def _version(text: str) -> Version:
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", text)
    if match is None:
        raise ValueError("the Airflow version must have the form X.Y.Z")
    major, minor, patch = (int(part) for part in match.groups())
    return major, minor, patch


def _find_held_secrets(files: Mapping[str, bytes], gate: Gate) -> Iterator[Finding]:
    """Yield a finding for each secret value in a file or a file name.

    The values are searched exactly, so there are no false positives and no override.
    """
    fix = "remove the value; keep it only in the secret store"
    for path, data in files.items():
        if gate.leaks(path.encode("utf-8", "replace")):
            message = "a file name contains a secret value of this run"
            yield Finding("secret.held", "error", "(a file name)", "", message, Fix(fix))
        if gate.leaks(data):
            message = "the file contains a secret value of this run"
            yield Finding("secret.held", "error", path, "", message, Fix(fix))


def _withhold_secrets(found: Iterable[Finding], gate: Gate) -> Iterator[Finding]:
    """Yield the findings; of a finding whose text contains a secret, only rule and severity."""
    for finding in found:
        if gate.leaks("\n".join(finding.sort_key()).encode("utf-8", "replace")):
            yield Finding(
                finding.rule, finding.severity, "(withheld)", "", "names a secret", NO_FIX
            )
        else:
            yield finding


def _withhold_place(finding: Finding) -> Finding:
    """Return the finding without the keys of its place that may be secrets."""
    from wizard.manifests.transformations import TRANSFORMATION_KEYS
    from wizard.secrets.scan import withhold_secrets

    if withhold_secrets(finding.where) == finding.where:
        return finding
    return replace(
        finding, where=withhold_secrets(finding.where, list_names() | TRANSFORMATION_KEYS)
    )


def _escape_finding(finding: Finding) -> Finding:
    """Replace control characters from a file, which could move the cursor or hide text."""
    path, where, message, fix = (
        _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
        for text in (finding.path, finding.where, finding.message, finding.fix.text)
    )
    return replace(
        finding, path=path, where=where, message=message, fix=replace(finding.fix, text=fix)
    )
