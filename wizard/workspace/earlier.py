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

# So many commits are read. Each answers file may name a place of its own, and the wizard's own YAML
# is read fast (a millisecond a file): a history that is longer than this hardly exists.
_ANSWERS, _VERSIONS = 2000, 200


@dataclass(frozen=True, slots=True)
class HistoryGap:
    """Why earlier versions are not read, as a clause, and the command that shows them.

    With `fetches`, the command brings them here, so that the next run reads them.
    """

    reason: str
    command: str
    fetches: bool = False


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
    log = ("log", "--format=%H", f"-n{_ANSWERS}", "HEAD", "--", path)
    commits = repository.git.read(*log, ok=(0, 128)).text.split()
    found = []
    seen = {_comparable(own)}
    versions = repository.objects([f"{commit}:{path}" for commit in commits])
    known: set[bytes] = set()
    for commit, version in zip(commits, versions, strict=True):
        if version is None or version[1] in known:
            continue
        known.add(version[1])
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

    Only the last 2000 commits that changed the answers are read, and the last 200 that changed a
    folder; a shallow clone lacks older ones. None if all are read.
    """
    if repository.is_shallow:
        reason = "this clone lacks the history before its oldest commit"
        return HistoryGap(reason, "git fetch --unshallow", fetches=True)
    limits = {_answers_path(name): _ANSWERS, **dict.fromkeys(folders, _VERSIONS)}
    for path, most in limits.items():
        place = f":(top,literal){repository.full_path(path)}"
        count = ("rev-list", "--count", f"-n{most + 1}", "HEAD", "--", place)
        counted = repository.git.read(*count, ok=(0, 128))
        if counted.code == 0 and int(counted.text) > most:
            reason = f"only the last {most} commits that changed {path} are read"
            return HistoryGap(reason, f"git log -p --skip={most} -- {quote(place)}")
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
