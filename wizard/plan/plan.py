"""What would change, computed without looking at anything: files, live actions and a digest.

`compare_tree` holds the rendering against the repository and the base of the last one, file by
file; `Plan` gathers the result for the command line, the screens and `--json`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from wizard.findings import Finding
from wizard.git.changes import (
    BASE_PREFIX,
    DIGEST_PREFIX,
    ChangeKind,
    Conflict,
    FileChange,
    conflict_error,
)
from wizard.manifests.tree import Tree

SCHEMA = 1


class PlannedStep(Protocol):
    """What a plan needs of a live change outside Git: see `wizard.answers.section`."""

    @property
    def id(self) -> str:
        """Stable name of the action; part of the digest."""

    @property
    def title(self) -> str:
        """What it does, in a line."""

    @property
    def owner(self) -> str:
        """Who may do it; part of the digest."""


def compare_tree(
    tree: Tree, base: Mapping[str, bytes], mine: Mapping[str, bytes | None]
) -> tuple[list[FileChange], list[Conflict]]:
    """Hold the rendering against the repository: what changes, and what needs an answer.

    `base` is the last pure rendering by path, `mine` what the repository holds by path; a path
    that is missing from `mine` is not in the repository. Whole files are compared: a file that a
    person edited is kept while the rendering stays as it was, and a conflict once both changed.
    Changes come in path order; a path in conflict has no change.
    """
    changes: list[FileChange] = []
    conflicts: list[Conflict] = []
    for path in sorted({*tree, *base}):
        file = tree.get(path)
        verdict = (
            _compare_rendered(path, file.logical, file.data, base.get(path), mine.get(path))
            if file
            else _compare_dropped(path, base[path], mine.get(path))
        )
        if isinstance(verdict, FileChange):
            changes.append(verdict)
        elif verdict is not None:
            conflicts.append(verdict)
    return changes, conflicts


def _compare_rendered(
    path: str, logical: str, new: bytes, base: bytes | None, mine: bytes | None
) -> FileChange | Conflict:
    if mine == new:
        return FileChange(path, logical, "same", mine, new)
    if mine is None:
        if base is None:
            return FileChange(path, logical, "add", None, new)
        return _deletion_conflict(path, changed=base != new)
    if base is None:
        return Conflict(
            path,
            "is in the way: the repository has a file here that Airflow Wizard never wrote",
            f"move it away (`git mv {path} ELSEWHERE`) or delete it, commit that, and plan again",
        )
    if mine == base:
        return FileChange(path, logical, "modify", mine, new)
    if base == new:
        return FileChange(path, logical, "same", mine, mine, note="hand edit kept")
    return Conflict(
        path,
        "was edited by hand since it was written, and the answers change it too",
        "undo the edit, commit that, and plan again; what no question covers goes into the "
        "answers (`airflow-wizard set values.KEY=VALUE`)",
    )


def _deletion_conflict(path: str, *, changed: bool) -> Conflict:
    reason = "was deleted by hand, but the answers still call for it"
    if changed:
        reason = "was deleted by hand, and the answers now call for other contents"
    return Conflict(
        path,
        reason,
        f"bring it back (`git restore --source COMMIT -- {path}`), commit that, and plan again; or "
        "change the answer that calls for it",
    )


def _compare_dropped(path: str, base: bytes, mine: bytes | None) -> FileChange | Conflict | None:
    if mine is None:
        return None
    if mine == base:
        return FileChange(path, "", "delete", mine, None)
    return Conflict(
        path,
        "is no longer called for, but was edited by hand since it was written",
        f"save what you need of it, `git rm {path}`, commit that, and plan again",
    )


def compare_owned_files(
    tree: Tree, files: Mapping[str, bytes | None], *, delete: Iterable[str] = ()
) -> list[FileChange]:
    """Changes for files that are the wizard's alone (answers, merge base): the new bytes win.

    `files` is what the repository holds by path, `delete` the paths that go when they exist.
    """
    changes = []
    for path, file in tree.items():
        old = files.get(path)
        kind: ChangeKind = "same" if old == file.data else "add" if old is None else "modify"
        changes.append(FileChange(path, file.logical, kind, old, file.data))
    for path in sorted(set(delete) - set(tree)):
        old = files.get(path)
        if old is not None:
            changes.append(FileChange(path, BASE_PREFIX, "delete", old, None))
    return changes


def compute_digest(
    changes: Iterable[FileChange],
    actions: Iterable[PlannedStep] = (),
    identities: Mapping[str, str] | None = None,
) -> str:
    """`sha256:...` over the files as they will be, the wanted actions and the known targets.

    Files that are deleted have no contents to cover, so the digest before a commit equals the one
    computed from that commit. Order does not matter; unknown (empty) identities stay out.
    """
    total = hashlib.sha256()
    for change in sorted(changes, key=lambda change: change.path):
        if change.new is not None:
            _feed(total.update, "file", change.path, hashlib.sha256(change.new).hexdigest())
    for action in sorted(actions, key=lambda action: action.id):
        _feed(total.update, "action", action.id, action.owner)
    for name, value in sorted((identities or {}).items()):
        if value:
            _feed(total.update, "identity", name, value)
    return DIGEST_PREFIX + total.hexdigest()


def _feed(update: Any, *parts: str) -> None:
    """Each part carries its length, so that no two lists of parts give the same bytes."""
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        update(b"%d:" % len(data) + data)
    update(b"\n")


@dataclass(frozen=True)
class Plan:
    """Everything that would happen for one installation, and what stands against it.

    `changes` lists every file, unchanged ones too; `evidence` says which host keys lack evidence;
    `identities` names the targets by what they say of themselves (cluster UID, remote URL).
    """

    installation: str
    changes: Sequence[FileChange] = ()
    conflicts: Sequence[Conflict] = ()
    actions: Sequence[PlannedStep] = ()
    findings: Sequence[Finding] = ()
    warnings: Sequence[str] = ()
    missing_evidence: Sequence[str] = ()
    identities: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What `apply` compares with the commit's trailer: see `compute_digest`."""
        return compute_digest(self.changes, self.actions, self.identities)

    @property
    def differs(self) -> bool:
        """Whether files change; live actions do not count, as with `--detailed-exitcode`."""
        return any(change.differs for change in self.changes)

    @property
    def refused(self) -> bool:
        """Whether a check or missing evidence forbids to write."""
        return bool(self.missing_evidence) or any(
            finding.severity == "error" for finding in self.findings
        )

    def require_decided(self) -> None:
        """Raise ConflictError listing every file that needs an answer."""
        if self.conflicts:
            raise conflict_error(self.conflicts)

    def to_json(self) -> dict[str, Any]:
        """The plan for `plan --json` and `--out`; keys are only ever added under one schema.

        ``schema`` (1), ``installation``, ``digest``, ``differs``, ``refused``; ``changes``: path,
        logical, kind, note, ``old`` and ``new`` as sha256 or null; ``conflicts``: path, reason,
        hint; ``actions``: id, title, owner; ``findings``: rule, severity, path, where, message,
        fix, and the question that the fix leads to, if any; ``warnings`` and ``evidence``:
        sentences; ``identities``: by name.
        """
        return {
            "schema": SCHEMA,
            "installation": self.installation,
            "digest": self.digest,
            "differs": self.differs,
            "refused": self.refused,
            "changes": [
                {
                    "path": change.path,
                    "logical": change.logical,
                    "kind": change.kind,
                    "note": change.note,
                    "old": _sha256(change.old),
                    "new": _sha256(change.new),
                }
                for change in self.changes
            ],
            "conflicts": [
                {"path": one.path, "reason": one.reason, "hint": one.hint} for one in self.conflicts
            ],
            "actions": [
                {"id": one.id, "title": one.title, "owner": one.owner} for one in self.actions
            ],
            "findings": [one.to_json() for one in self.findings],
            "warnings": list(self.warnings),
            "evidence": list(self.missing_evidence),
            "identities": dict(sorted(self.identities.items())),
        }


def _sha256(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()
