"""Findings about what the files declare and nobody can judge here; a silent ok would be a lie."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from wizard.chart.versions import list_chart_versions, match_chart_version
from wizard.checks.subject import Document, Subject
from wizard.declarations.declaration import looks_like_values
from wizard.declarations.values import is_encrypted
from wizard.errors import Fix
from wizard.findings import Finding

UNJUDGED = "check.unjudged"
_OPAQUE: Mapping[bytes, str] = {
    b"$ANSIBLE_VAULT;": "Ansible Vault encrypted this file",
    b"\x00GITCRYPT\x00": "git-crypt encrypted this file",
    b"version https://git-lfs.github.com/spec/": "Git LFS keeps the content of this file",
}
_MARKS = re.compile(rb"\{\{|\{%|<%")


def find_templates(files: Collection[str]) -> frozenset[str]:
    """Return the files that Helm renders: below `templates` in a folder with a Chart.yaml."""
    folders = tuple(
        posixpath.join(posixpath.dirname(path), "templates", "")
        for path in files
        if posixpath.basename(path) == "Chart.yaml"
    )
    return frozenset(path for path in files if folders and path.startswith(folders))


def is_template(data: bytes, documents: Iterable[Any], problems: Iterable[Finding]) -> bool:
    """Return whether a file is no YAML because it is a template, of whatever language.

    Braces without quotes in a values file are a mistake: Helm cannot read it.
    """
    if any(isinstance(one, Mapping) and looks_like_values(one) for one in documents):
        return False
    broken = any(one.rule in ("yaml.syntax", "yaml.key") for one in problems)
    return broken and _MARKS.search(data) is not None


def report_unread(subject: Subject) -> Iterator[Finding]:
    """Report values, templates and versions that a tree of others keeps where they cannot be read.

    In a tree of the wizard, unread values are errors of their own.
    """
    if subject.layout.values:
        return
    fix = Fix("check them where they are, or render the release and check the result")
    for one in subject.declarations:
        for fault in (*one.found.faults, *one.found.unresolved):
            message = f"not judged: {fault.message}"
            yield Finding(UNJUDGED, "warning", fault.path, fault.where, message, fix)
    yield from _report_opaque(subject)
    yield from _report_templates(subject)
    yield from _report_versions(subject)


def report_no_values() -> Finding:
    """Return the finding that a repository has no values of Airflow's chart that can be judged."""
    message = "not judged: no Helm values of Apache's Airflow chart were found in these files"
    fix = Fix("check the repository that has them; elsewhere only Secrets and objects are judged")
    return Finding("check.no-values", "warning", "(repository)", "", message, fix)


def _report_opaque(subject: Subject) -> Iterator[Finding]:
    """Report files whose content is elsewhere or encrypted, whatever they are for."""
    told = {path for one in subject.declarations for path in one.found.files}
    found = {path: why for path, data in subject.files.items() for mark, why in _OPAQUE.items()
             if data.startswith(mark)}  # fmt: skip
    for document in subject.documents:
        # The names in an encrypted Secret can be read, and its values are nobody's business.
        if is_encrypted(document.data) and document.kind not in ("Secret", "SopsSecret"):
            found.setdefault(document.path, "SOPS encrypted this file")
    for path, why in found.items():
        if path not in told:
            fix = Fix("check it where it is decrypted")
            yield Finding(UNJUDGED, "warning", path, "", f"not judged: {why}", fix)


def _report_templates(subject: Subject) -> Iterator[Finding]:
    folders: dict[str, int] = {}
    for path in subject.templates:
        head, mark, _ = f"/{path}".rpartition("/templates/")
        place = f"{head}{mark}".strip("/") if mark else path
        folders[place] = folders.get(place, 0) + 1
    for place, count in folders.items():
        files = "1 file is a template" if count == 1 else f"{count} files are templates"
        message = f"not judged: {files}, and only rendered objects can be judged"
        fix = Fix("check the output of `helm template`, or of the tool that renders them")
        yield Finding(UNJUDGED, "warning", place, "", message, fix)


def _report_versions(subject: Subject) -> Iterator[Finding]:
    """Report a chart version that is a range, or that only a near one can stand for."""
    for one in subject.declarations:
        chart, match = match_chart_version(one.chart) if one.chart else ("", "exact")
        path, where = one.chart_place
        if match == "range":
            message = f"the range leaves the chart's version open; judged as chart {chart}"
            fix = Fix("write one version, so that an upgrade is a commit")
        elif match == "patch":
            message = f"the keys of this chart version are not known; judged as chart {chart}"
            fix = Fix(f"use one of {', '.join(list_chart_versions())} to have it judged exactly")
        else:
            continue
        yield Finding("values.chart-version", "warning", path, where, message, fix)


def list_unread_values(subject: Subject) -> Iterator[tuple[Document, str, str]]:
    """Yield what an Application of the Airflow chart sets and nobody can read here."""
    at = {(one.path, one.number): one for one in subject.documents}
    for declaration in subject.declarations:
        for fault in declaration.found.faults:
            document = at.get((declaration.path, declaration.number))
            if document is not None:
                yield document, fault.where, fault.message
