"""The source that the answers record for a repository that no other answer names.

Argo CD's answers name the repository. Otherwise the first commit records the address of the remote,
without credentials; without a remote, the id of the first commit in the history, which every clone
has; without a commit, an id of this new repository. From then on the answers decide, so each clone
renders the same bytes wherever its remote is.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from wizard.deliveries.registry import delivery_kind
from wizard.errors import UsageError
from wizard.git.push import find_remote, remote_url
from wizard.manifests.ownership import clean_place, repository_place
from wizard.plan.derive import find_source_url

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.git.repository import WorkTree

_ID_DIGITS = 20


def with_source(answers: Answers, repository: WorkTree) -> Answers:
    """Return the answers with the repository's source, or the same object if nothing is missing."""
    own = answers.repository
    # Nothing in a local cluster is shared with another repository.
    is_local = delivery_kind(answers.delivery.kind).local
    if own.source or is_local or find_source_url(answers):
        return answers
    source = _find_source(repository, own.branch)
    if not source:
        return answers
    return answers.model_copy(update={"repository": own.model_copy(update={"source": source})})


def _find_source(repository: WorkTree, branch: str) -> str:
    try:
        url = remote_url(repository, find_remote(repository, branch))
    except UsageError:
        return _find_root_commit(repository)
    # A remote may be a folder; its path is then only a name.
    plain = url.replace("://***@", "://")
    place = clean_place(repository_place(plain)).strip("/")
    parts = [part for part in place.split("/") if part.strip(".")]
    return "/".join(parts if len(parts) > 1 else ["remote", *parts])


def _find_root_commit(repository: WorkTree) -> str:
    """Return the first commit of the history as a source; empty if there is none to see."""
    if repository.is_shallow:
        return ""
    if repository.head.commit is None:
        return _name_new_repository(repository)
    found = repository.git.read("rev-list", "--max-parents=0", "HEAD", ok=(0, 128))
    roots = found.text.split() if found.code == 0 else []
    return f"commit/{min(roots)[:_ID_DIGITS]}" if roots else ""


def _name_new_repository(repository: WorkTree) -> str:
    """Return an id of a repository without commits: of its Git folder, which is like no other.

    It is the same for the plan and for the commit that records it; nothing is written for it.
    """
    import platform

    places = [repository.common_dir / name for name in ("", "objects", "description")]
    states = [place.stat() for place in places if place.exists()]
    inodes = [f"{one.st_dev}:{one.st_ino}" for one in states]
    # Git writes the description once, when it makes the repository.
    parts = [platform.node(), str(repository.root), *inodes, str(states[-1].st_mtime_ns)]
    if len(states) < len(places):
        parts.pop()
    return f"new/{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:_ID_DIGITS]}"
