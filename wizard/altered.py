"""What hooks made of a commit: everything in it that was not planned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wizard.message import parse_trailer
from wizard.plan import Change

if TYPE_CHECKING:
    from wizard.repo import Repository


def altered(
    repo: Repository, todo: Sequence[Change], message: str, before: str | None
) -> list[str]:
    """Sentences on what is in HEAD or on disk that was not in the plan; `before` was HEAD."""
    found = []
    stored = repo.read_many(change.path for change in todo)
    for change in todo:
        if stored[change.path] != change.new:
            found.append(f"{change.path}: was committed with other contents than planned")
        elif repo.working(change.path) != change.new:
            found.append(f"{change.path}: was changed on disk after the commit")
    planned = {repo.full(change.path) for change in todo}
    found += [
        f"{path}: was committed although the plan does not have it"
        for path in _changed_paths(repo, before)
        if path not in planned
    ]
    head = repo.objects([repo.head.commit or ""])[0]
    text = head[1].partition(b"\n\n")[2].decode("utf-8", "replace") if head else ""
    if parse_trailer(text) != parse_trailer(message):
        found.append("the commit message: its Airflow-Wizard-Plan trailer was changed")
    return found


def _changed_paths(repo: Repository, before: str | None) -> list[str]:
    after = repo.head.commit or ""
    if before is None:
        out = repo.git.read("ls-tree", "-r", "-z", "--name-only", "--full-tree", after).out
    else:
        out = repo.git.read("diff-tree", "-r", "-z", "--name-only", before, after).out
    return out.decode("utf-8", "surrogateescape").split("\0")[:-1]
