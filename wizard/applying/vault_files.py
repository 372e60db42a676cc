"""What the repository says Vault should hold, and whether what stands there came from it.

A policy or role that equals an earlier committed version of its file was written from this
repository, so it may be brought up to date; anything else is another's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.actions import Look
from wizard.diff import diff_bytes

if TYPE_CHECKING:
    from wizard.repo import Repository

_VERSIONS = 200


def made_for(installation: str) -> str:
    """How a mount says who made it, in its description."""
    return f"made by airflow-wizard for {installation}"


def was_committed(repository: Repository, path: str, same: Callable[[str], bool]) -> bool:
    """Whether one of the last versions of a file, as HEAD's history has them, is the same."""
    commits = repository.git.read(
        "log", "--format=%H", f"-n{_VERSIONS}", "HEAD", "--", repository.full(path), ok=(0, 128)
    ).text.split()
    found = repository.objects([f"{commit}:{repository.full(path)}" for commit in commits])
    texts = {data.decode("utf-8", "replace") for kind, data in filter(None, found) if kind}
    return any(same(text) for text in texts)


def difference(name: str, theirs: str, ours: str) -> str:
    """A unified diff from what stands there to what is committed, safe to print."""
    lines = diff_bytes(name, theirs.encode("utf-8", "surrogateescape"), ours.encode())
    return "\n".join(line.text for line in lines)


def judged(what: str, diff: str, *, own: bool, fix: str) -> Look:
    """Something else stands there: brought up to date where it was ours, else left to a person."""
    if own:
        return Look("wanted", f"{what} is an earlier version of this repository's", diff=diff)
    return Look("blocked", f"another {what} stands there; it is not touched", fix, diff)
