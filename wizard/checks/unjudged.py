"""Findings for files that were not read, and so not judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wizard.errors import Fix
from wizard.findings import Finding

_EFFECTIVE = (".yaml", ".yml", ".json", "Kustomization")


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
            Fix("put a smaller, regular file in its place, or remove it"),
        )


def report_links(links: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a finding for each symbolic link that leaves the repository or never ends.

    Argo CD refuses a repository with a link that leads out of it (reposerver, out-of-bounds
    symlinks). `links` says what is wrong, by path.
    """
    for path, why in links.items():
        message = f"a symbolic link that is not safe: {why}"
        fix = Fix("put a copy of the file there, or a link within the repository")
        yield Finding("check.link", "error", path, "", message, fix)
