"""The places that earlier committed answers of an installation named, from the history of Git.

`set installation.namespace=NEW` moves an installation; what it had in the old place stays there.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wizard.errors import AnswersError
from wizard.formats.shell import quote
from wizard.plan.claims import Claims, derive_claims
from wizard.plan.merge_base import state_folder

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree

_VERSIONS = 200


@dataclass(frozen=True, slots=True)
class HistoryGap:
    """Why earlier versions are not read, as a clause, and the command that shows them."""

    reason: str
    command: str


@dataclass(frozen=True, slots=True)
class EarlierAnswers:
    """What earlier answers claimed, and the last commit that had them."""

    commit: str
    claims: Claims


def list_earlier_answers(repository: WorkTree, name: str, own: Claims) -> list[EarlierAnswers]:
    """Return the claims of earlier answers that differ from `own`, each once, the newest first.

    Unreadable versions of the file are left out, and so are those of `find_history_gap`.
    """
    from wizard.answers.files import parse_answers

    path = repository.full_path(_answers_path(name))
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


def find_history_gap(
    repository: WorkTree, name: str, folders: Sequence[str] = ()
) -> HistoryGap | None:
    """Return why earlier answers of an installation, or files in these folders, are not read.

    Only the last 200 commits that changed them are read, and a shallow clone lacks older ones. None
    if all are read.
    """
    if repository.is_shallow:
        reason = "this clone lacks the history before its oldest commit"
        return HistoryGap(reason, "git fetch --unshallow")
    for path in (_answers_path(name), *folders):
        place = f":(top,literal){repository.full_path(path)}"
        count = ("rev-list", "--count", f"-n{_VERSIONS + 1}", "HEAD", "--", place)
        counted = repository.git.read(*count, ok=(0, 128))
        if counted.code == 0 and int(counted.text) > _VERSIONS:
            reason = f"only the last {_VERSIONS} commits that changed {path} are read"
            return HistoryGap(reason, f"git log -p --skip={_VERSIONS} -- {quote(place)}")
    return None


def _answers_path(name: str) -> str:
    return f"{state_folder(name)}/answers.yaml"


def list_earlier_versions(
    repository: WorkTree, folders: Sequence[str]
) -> dict[str, tuple[str, bytes]]:
    """Return former contents of files in these folders, by blob: the path, and the bytes.

    Those of `find_history_gap` are left out.
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
