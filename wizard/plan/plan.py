"""The plan: changes of files, live steps and a digest, computed from given data only.

`Plan` collects them for the command line, the screens and `--json`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from wizard.findings import Finding
from wizard.formats.messages import UNKNOWN_KEY
from wizard.git.changes import (
    BASE_PREFIX,
    DIGEST_PREFIX,
    Conflict,
    FileChange,
    conflict_error,
    name_kind,
)
from wizard.manifests.tree import Tree
from wizard.secrets.scan import PLACEHOLDER

if TYPE_CHECKING:
    from wizard.plan.consequences import Consequence

SCHEMA = 1


class PlannedStep(Protocol):
    """A live change outside Git, as a plan lists it: see `wizard.answers.section`."""

    @property
    def id(self) -> str:
        """The stable name of the step; part of the digest."""

    @property
    def title(self) -> str:
        """A description of what the step does, in one line."""

    @property
    def owner(self) -> str:
        """The owner who may run the step; part of the digest."""

    @property
    def follows(self) -> tuple[str, ...]:
        """What the step carries out; a change that touches none of it does not need the step."""


def compare_owned_files(
    tree: Tree, files: Mapping[str, bytes | None], *, delete: Iterable[str] = ()
) -> list[FileChange]:
    """Return changes for files that only the wizard writes (answers, merge base); never conflicts.

    `files` are the repository's files by path; `delete` are paths to delete if they exist.
    """
    changes = []
    for path, file in tree.items():
        old = files.get(path)
        kind = name_kind(old, file.data)
        changes.append(FileChange(path, file.logical, kind, old, file.data))
    for path in sorted(set(delete) - set(tree)):
        old = files.get(path)
        if old is not None:
            changes.append(FileChange(path, BASE_PREFIX, "delete", old, None))
    return changes


def compute_digest(
    changes: Iterable[FileChange],
    steps: Iterable[PlannedStep] = (),
    identities: Mapping[str, str] | None = None,
) -> str:
    """Return `sha256:...` over the new contents of all files, the steps and the known targets.

    Deleted files are not included, so the digest before a commit equals the digest computed
    from that commit. Order does not matter; unknown (empty) identities are not included.
    """
    total = hashlib.sha256()
    for change in sorted(changes, key=lambda change: change.path):
        if change.new is not None:
            _feed(total.update, "file", change.path, hashlib.sha256(change.new).hexdigest())
    for step in sorted(steps, key=lambda step: step.id):
        _feed(total.update, "action", step.id, step.owner)
    for name, value in sorted((identities or {}).items()):
        if value:
            _feed(total.update, "identity", name, value)
    return DIGEST_PREFIX + total.hexdigest()


def _feed(update: Any, *parts: str) -> None:
    """Hash the parts, each with its length, so that different lists give different input."""
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        update(b"%d:" % len(data) + data)
    update(b"\n")


@dataclass(frozen=True)
class Plan:
    """All changes for one installation, and what prevents a commit.

    `changes` lists every file, including unchanged files; `steps` are the steps of a whole
    installation, `needed_steps` those that this change needs (None: all); `missing_evidence` has
    sentences about host keys without evidence; `identities` are the targets' own ids by name (the
    cluster's UID).
    """

    installation: str
    changes: Sequence[FileChange] = ()
    conflicts: Sequence[Conflict] = ()
    steps: Sequence[PlannedStep] = ()
    findings: Sequence[Finding] = ()
    warnings: Sequence[str] = ()
    missing_evidence: Sequence[str] = ()
    identities: Mapping[str, str] = field(default_factory=dict)
    consequences: Sequence[Consequence] = ()
    needed_steps: Sequence[PlannedStep] | None = None

    @property
    def next_steps(self) -> Sequence[PlannedStep]:
        """The live steps that follow the commit of this plan."""
        return self.steps if self.needed_steps is None else self.needed_steps

    @property
    def digest(self) -> str:
        """The digest that `apply` compares with the commit's trailer: see `compute_digest`."""
        return compute_digest(self.changes, self.steps, self.identities)

    @property
    def differs(self) -> bool:
        """Whether files change; live steps do not count, as with `--detailed-exitcode`."""
        return any(change.differs for change in self.changes)

    @property
    def refused(self) -> bool:
        """Whether a failed check or missing evidence forbids a commit."""
        return bool(self.missing_evidence) or any(
            finding.severity == "error" for finding in self.findings
        )

    @property
    def may_contain_secret(self) -> bool:
        """Whether a changed file may contain a secret, so that its diff must not be shown."""
        return any(
            one.is_error
            and one.rule != PLACEHOLDER
            and (one.rule.startswith("secret.") or UNKNOWN_KEY in one.where)
            for one in self.findings
        )

    def find_unaccepted(self, accepted: Sequence[str]) -> list[Consequence]:
        """Return the consequences that need a yes and are not accepted."""
        return [one for one in self.consequences if one.needs_consent and one.name not in accepted]

    @property
    def needs_backup(self) -> bool:
        """Whether a commit needs evidence of a backup of the database."""
        return any(one.needs_backup for one in self.consequences)

    def require_decided(self) -> None:
        """Raise ConflictError with every conflict, if there are any."""
        if self.conflicts:
            raise conflict_error(self.conflicts)

    def to_json(self) -> dict[str, Any]:
        """Return the plan for `plan --json` and `--out`; a schema may gain keys, but not lose any.

        ``schema`` (1), ``installation``, ``digest``, ``differs``, ``refused``; ``changes``: path,
        logical, kind, note, ``old`` and ``new`` as sha256 or null; ``conflicts``: see
        `Conflict.to_json`; ``consequences``: name, grade, text, and whether it needs ``--accept``
        and ``--backup``;
        ``actions``, the live steps that this change needs: id, title, owner; ``findings``: rule,
        severity, path, where, message, fix, and the question that the fix refers to, if any;
        ``warnings`` and ``evidence``: sentences; ``identities``: by name.
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
            "conflicts": [one.to_json() for one in self.conflicts],
            "consequences": [one.to_json() for one in self.consequences],
            "actions": [
                {"id": one.id, "title": one.title, "owner": one.owner} for one in self.next_steps
            ],
            "findings": [one.to_json() for one in self.findings],
            "warnings": list(self.warnings),
            "evidence": list(self.missing_evidence),
            "identities": dict(sorted(self.identities.items())),
        }


def _sha256(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()
