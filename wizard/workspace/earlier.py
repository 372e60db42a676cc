"""The places that earlier committed answers of an installation named, from the history of Git.

`set installation.namespace=NEW` moves an installation; what it had in the old place stays there.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wizard.errors import AnswersError
from wizard.plan.claims import Claims, derive_claims
from wizard.plan.merge_base import state_folder

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree

_VERSIONS = 200
LACKS_HISTORY = "this clone lacks the history before its oldest commit"
FETCH_HISTORY = "git fetch --unshallow"


@dataclass(frozen=True, slots=True)
class EarlierAnswers:
    """What earlier answers claimed, and the last commit that had them."""

    commit: str
    claims: Claims


def list_earlier_answers(repository: WorkTree, name: str, own: Claims) -> list[EarlierAnswers]:
    """Return the claims of earlier answers that differ from `own`, each once, the newest first.

    The last 200 versions of the file are read. Unreadable ones are left out, and so are those that
    a shallow clone lacks: see `WorkTree.is_shallow`.
    """
    from wizard.answers.files import parse_answers

    path = repository.full_path(f"{state_folder(name)}/answers.yaml")
    log = ("log", "--format=%H", f"-n{_VERSIONS}", "HEAD", "--", path)
    commits = repository.git.read(*log, ok=(0, 128)).text.split()
    found = []
    seen = {_comparable(own)}
    versions = repository.objects([f"{commit}:{path}" for commit in commits])
    for commit, version in zip(commits, versions, strict=True):
        if version is None:
            continue
        try:
            claims = derive_claims(parse_answers(version[1].decode(), path), repository.prefix)
        except (AnswersError, UnicodeDecodeError):
            continue
        if _comparable(claims) not in seen:
            seen.add(_comparable(claims))
            found.append(EarlierAnswers(commit, claims))
    return found


def list_earlier_versions(
    repository: WorkTree, folders: Sequence[str]
) -> dict[str, tuple[str, bytes]]:
    """Return former contents of files in these folders, by blob: the path, and the bytes.

    The last 200 commits that changed or deleted one of them are read.
    """
    places = [f":(top,literal){repository.full_path(folder)}" for folder in folders]
    log = ("log", "--raw", "--no-renames", "--no-abbrev", "--diff-filter=MD", "-z", "--format=")
    found = repository.git.read(*log, f"-n{_VERSIONS}", "HEAD", "--", *places, ok=(0, 128))
    # Each change is `:<mode> <mode> <blob> <blob> <status>`, then the path.
    words = [one for one in found.text.split("\0") if one.strip()] if found.code == 0 else []
    blobs: dict[str, str] = {}
    for change, path in itertools.pairwise(words):
        if change.lstrip().startswith(":"):
            blobs.setdefault(change.split()[2], path)
    held = repository.objects(list(blobs))
    return {
        blob: (path, one[1])
        for (blob, path), one in zip(blobs.items(), held, strict=True)
        if one is not None
    }


def _comparable(claims: Claims) -> Claims:
    return replace(claims.without_cluster, folder="")
