"""All rules about where DAGs are cloned from; the values are read once for them."""

from __future__ import annotations

from collections.abc import Iterator

from wizard.checks.git_bundles import check_connection_maps, check_git_bundles
from wizard.checks.git_pods import check_git_objects, check_git_pods
from wizard.checks.git_variables import read_git_values
from wizard.checks.injection import check_injection
from wizard.checks.subject import Subject
from wizard.findings import Finding


def check_git(subject: Subject) -> Iterator[Finding]:
    """Run the rules on the values, and on the objects beside them."""
    git = read_git_values(subject)
    if git is not None:
        yield from check_git_pods(git)
        yield from check_git_bundles(git)
        yield from check_injection(git)
    yield from check_git_objects(subject)
    yield from check_connection_maps(subject)
