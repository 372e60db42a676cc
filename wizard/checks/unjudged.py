"""Findings for files that were not read, and so not judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wizard.errors import Fix
from wizard.findings import Finding, Severity
from wizard.git.foreign_files import IS_LINK, IS_SUBMODULE

IS_TEMPLATE = "only the program that renders or decrypts this file knows its values"
_EFFECTIVE = (".yaml", ".yml", ".json", "Kustomization")
_FIXES = {
    IS_LINK: Fix("put a copy of the file in its place"),
    IS_TEMPLATE: Fix("render it, and check the result"),
    IS_SUBMODULE: Fix("check that repository on its own, or copy its files into this one"),
}
_SPLIT = Fix("split the file, or remove it")


def report_unjudged(skipped: Mapping[str, str], *, named: bool = False) -> Iterator[Finding]:
    """Yield a finding for each skipped file: an error if it may take effect, else a warning.

    `skipped` says why, by path. With `named`, other files of the installation name these files.
    """
    for path, why in skipped.items():
        is_error = named or path.endswith(_EFFECTIVE)
        yield Finding(
            "check.unjudged",
            "error" if is_error else "warning",
            path,
            "",
            f"not judged: {why}",
            _FIXES.get(why, _SPLIT),
        )


def report_links(links: Mapping[str, str], *, gitops: bool = True) -> Iterator[Finding]:
    """Yield a finding for each symbolic link that leaves the repository or never ends.

    With `gitops`, a controller reads the repository, and it is an error: Argo CD refuses a
    repository with a link that leads out of it (reposerver, out-of-bounds symlinks). Helm reads
    only the files that it is given. `links` says what is wrong, by path.
    """
    severity: Severity = "error" if gitops else "warning"
    for path, why in links.items():
        message = f"a symbolic link that is not safe: {why}"
        fix = Fix("put a copy of the file there, or a link within the repository")
        yield Finding("check.link", severity, path, "", message, fix)
