"""A rule: no file contains the markers of a merge that Git could not finish."""

from __future__ import annotations

from collections.abc import Iterator

from wizard.checks.subject import Subject
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.formats.git_markers import RESOLVE, UNRESOLVED, find_git_marker


def check_git_markers(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each file with markers, in YAML or in any other text."""
    for path, data in subject.files.items():
        if line := find_git_marker(data):
            yield Finding("git.markers", "error", path, f"line {line}", UNRESOLVED, Fix(RESOLVE))
