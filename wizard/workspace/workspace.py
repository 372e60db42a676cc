"""The config repository for every front end: opening it, proposals, and the commit.

Screens, prompts and headless commands write only through this module, so all write the same files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import __version__
from wizard.errors import AnswersError, ConflictError, Problem, UsageError, WizardError
from wizard.git.preconditions import examine_changes
from wizard.git.repository import WorkTree
from wizard.git.transaction import commit_changes, recover_interrupted_write, write_changes
from wizard.plan.commit_message import require_no_secret
from wizard.plan.comparison import (
    compare_rendering,
    find_uncommitted_edits,
    merge_files,
    require_ready,
)
from wizard.plan.merge_base import STATE_DIR, base_folder
from wizard.plan.plan import Plan
from wizard.state.apply_journal import with_cluster_identity
from wizard.workspace import committed
from wizard.workspace.proposal import Acceptance, CommitResult, Proposal

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.findings import Finding
    from wizard.git.changes import FileChange
    from wizard.git.rollback import Recovery
    from wizard.hostkeys.scan import Scan, Scanner
    from wizard.hostkeys.verdict import KnownHost
    from wizard.plan.claims import Claims
    from wizard.plan.consequences import Consequence, Installed
    from wizard.plan.plan import PlannedStep
    from wizard.plan.render import Rendering


class Workspace:
    """One config repository, opened for one user of the wizard."""

    def __init__(
        self,
        repository: WorkTree,
        identity: Acceptance,
        branch: str = "",
        recovered: Recovery | None = None,
    ) -> None:
        self.repository = repository
        self.identity = identity
        self.work_branch = branch
        self.recovered = recovered

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        branch: str = "",
        create: bool = False,
        recover: bool = True,
        today: str = "",
    ) -> Workspace:
        """Open the repository that contains `folder`; with `create`, initialize an empty folder.

        `today` is the UTC date for new evidence (default: now). An interrupted write is finished
        or undone first, and reported in `recovered`; with `recover` false (read-only commands) it
        raises ConflictError. Raises UsageError if there is no repository.
        """
        try:
            repository = WorkTree.open(folder)
        except UsageError:
            if not create or (folder.exists() and any(folder.iterdir())):
                raise
            repository = WorkTree.init(folder)
        recovered = None
        if repository.interrupted:
            if not recover:
                raise ConflictError(
                    "an earlier run was interrupted while it wrote into this repository",
                    "repair the files first with `airflow-wizard commit` or the screens",
                )
            recovered = recover_interrupted_write(repository)
            repository.refresh()
        try:
            by = repository.author().name
        except WizardError:
            # Reading needs no author. A commit needs one; its error says how to set it.
            by = ""
        return cls(repository, Acceptance(by, today or _today()), branch, recovered)

    @property
    def label(self) -> str:
        """The name of the repository's folder, for headings."""
        return self.repository.top.name

    def installations(self) -> list[str]:
        """Return the names of the committed installations."""
        return list(self._installations(self.repository.head.commit))

    @lru_cache(maxsize=4)  # noqa: B019 - a workspace lives as long as the process
    def _installations(self, commit: str | None) -> tuple[str, ...]:
        del commit
        return committed.list_installations(self.repository)

    def other_installations_hint(self) -> str:
        """Return where other installations and uncommitted answers are, as the end of a hint."""
        return committed.other_installations_hint(self.repository)

    def committed_answers(self, name: str) -> dict[str, Any] | None:
        """Return the committed raw answers of an installation; None if there are none."""
        return self._answers_at(name, self.repository.head.commit)

    @lru_cache(maxsize=4)  # noqa: B019 - a workspace lives as long as the process
    def _answers_at(self, name: str, commit: str | None) -> dict[str, Any] | None:
        return committed.read_committed_answers(self.repository, name, commit)

    @lru_cache(maxsize=1)  # noqa: B019 - a workspace lives as long as the process
    def _others(self, commit: str | None) -> Sequence[Claims]:
        del commit
        from wizard.workspace import neighbours

        return neighbours.load_committed_claims(self.repository)

    def committed_entries(self, name: str, branch: str = "") -> tuple[KnownHost, ...]:
        """Return the host keys committed on the target branch, with their recorded evidence.

        `branch` is the target (default: the branch that the committed answers name). A key counts
        only if the last rendering contains it too, so a key that was only added to the answers by
        hand and committed does not count.
        """
        if not name:
            return ()
        head = self.repository.head
        target = branch or committed.target_branch(self.committed_answers(name))
        commit = head.commit if head.branch == target else self.repository.resolve(target)
        if commit is None:
            return ()
        return committed.select_rendered_entries(
            self._answers_at(name, commit), self._stored(name, commit)
        )

    @lru_cache(maxsize=4)  # noqa: B019 - a workspace lives as long as the process
    def _stored(self, name: str, commit: str | None) -> dict[str, bytes]:
        """Return the files of the committed merge base, by path."""
        return self.repository.read_under(base_folder(name), commit=commit)

    def propose(
        self,
        data: Mapping[str, Any],
        *,
        typed: Sequence[str] = (),
        existing: str = "",
        folder: Path | None = None,
        chart: Path | None = None,
        scanner: Scanner | None = None,
        scan: Scan | None = None,
    ) -> Proposal:
        """Validate, verify host keys, render, check and compare; writes nothing.

        `existing` names the committed installation that the answers belong to. File names in the
        answers are relative to `folder`. `chart` is a chart for a full check of the values.
        `scanner` is used if no host key is known; `scan` is a scan that the operator requested.
        Raises AnswersError for answers that do not validate.
        """
        from wizard.answers.files import require_valid_answers, validate_answers
        from wizard.plan.guarded_keys import refuse_guarded_values
        from wizard.plan.render import render
        from wizard.workspace.host_keys import verify_host_keys
        from wizard.workspace.neighbours import require_disjoint_claims, require_name

        answers, warnings = require_valid_answers(data)
        if warnings and existing:
            # Answers that already did not apply stay in the file, and need no warning again.
            known = validate_answers(self.committed_answers(existing) or {}).warnings
            warnings = tuple(one for one in warnings if one not in known)
        repository = self._at(answers, existing)
        require_name(answers, existing, repository)
        before = self.committed_answers(existing) if existing else None
        require_disjoint_claims(
            answers, before, repository, lambda: self._others(repository.head.commit)
        )
        answers, assets = self.with_assets(answers, existing, folder)
        try:
            settled = verify_host_keys(
                answers,
                typed=typed,
                committed=self.committed_entries(existing, answers.repository.branch),
                by=self.identity.by,
                date=self.identity.date,
                scanner=scanner,
                scan=scan,
            )
        except ValueError as error:
            raise AnswersError(
                "a fingerprint is not valid", [Problem("--host-key-fingerprint", str(error))]
            ) from None
        rendering = render(settled.answers, assets)
        warnings = (*warnings, *refuse_guarded_values(settled.answers, rendering, assets))
        stored = self._stored(existing, repository.head.commit) if existing else None
        changes, conflicts, base = compare_rendering(repository, rendering, stored)
        if existing and any(one.differs for one in changes):
            met = with_cluster_identity(settled.answers, repository, existing)
            if met is not settled.answers:
                settled, rendering = replace(settled, answers=met), render(met, assets)
                changes, conflicts, base = compare_rendering(repository, rendering, stored)
        differs = any(one.differs for one in changes)
        unchanged = base.version == __version__ and not differs
        findings: list[Finding] = []
        if chart is not None or conflicts or not unchanged:
            from wizard.checks.run import inspect_rendering

            findings = inspect_rendering(
                rendering, merge_files(changes, conflicts, rendering), chart
            )
        plan = Plan(
            rendering.release.installation,
            changes,
            conflicts,
            rendering.total.steps,
            findings,
            (*warnings, *settled.notes, *find_uncommitted_edits(repository, changes)),
            settled.missing,
            {"cluster": settled.answers.cluster.uid},
            *self._compare_installed(existing, settled.answers, rendering, changes),
        )
        return Proposal(settled.answers, rendering, plan, existing)

    def _compare_installed(
        self, existing: str, answers: Answers, rendering: Rendering, changes: Sequence[FileChange]
    ) -> tuple[Sequence[Consequence], Sequence[PlannedStep] | None]:
        """Return the consequences for an existing installation, and the steps it needs."""
        if not existing:
            return (), None
        if not any(one.differs for one in changes):
            return (), ()
        from wizard.plan.consequences import (
            UNKNOWN,
            Installed,
            derive_consequences,
            select_steps,
        )

        before = self._installed(existing)
        if before is None:
            return (UNKNOWN,), None
        found = derive_consequences(before, Installed(answers, rendering), changes)
        steps = select_steps(before.rendering, rendering, changes, found, rendering.total.steps)
        return found, steps

    def _installed(self, existing: str) -> Installed | None:
        """Return the committed installation; None if this version cannot render its answers."""
        from wizard.answers.files import validate_answers
        from wizard.plan.consequences import Installed
        from wizard.plan.render import render

        answers = validate_answers(self.committed_answers(existing) or {}).answers
        if answers is None:
            return None
        try:
            answers, assets = self.with_assets(answers, existing, None)
            return Installed(answers, render(answers, assets))
        except WizardError:
            return None

    def _at(self, answers: Answers, existing: str) -> WorkTree:
        wanted = answers.repository.path.strip("/")
        wanted = "" if wanted == "." else wanted
        if existing and wanted != self.repository.prefix:
            problem = Problem("repository.path", f"must stay {self.repository.prefix or '.'}")
            raise AnswersError("the folder of an installation cannot change", [problem])
        return (
            self.repository
            if wanted == self.repository.prefix
            else self.repository.with_prefix(wanted)
        )

    def with_assets(
        self, answers: Answers, existing: str, folder: Path | None
    ) -> tuple[Answers, dict[str, str]]:
        """Return the answers and the public files they name; raises AnswersError.

        See `wizard.answers.assets.load_assets`.
        """
        from wizard.answers.assets import load_assets

        return load_assets(answers, lambda path: self._asset(path, existing, folder))

    def _asset(self, path: str, existing: str, folder: Path | None) -> bytes:
        if existing and "/" not in path:
            data = self.repository.read(f"{STATE_DIR}/{existing}/{path}")
            if data is not None and (folder is None or not (folder / path).exists()):
                return data
        return ((folder or Path.cwd()) / path).read_bytes()

    def commit(
        self,
        proposal: Proposal,
        *,
        message: str = "",
        branch: str = "",
        push: bool = False,
        pr: bool = False,
        write_only: bool = False,
        terminal: bool = False,
        accepted: Sequence[str] = (),
    ) -> CommitResult:
        """Write the files of a proposal and commit exactly these files, all or none.

        `accepted` names the consequences that the user accepted. Raises RefusedError (4) for failed
        checks, missing evidence, other consequences that need a yes, and a secret in the message,
        and ConflictError (5) for hand edits and uncommitted changes.
        """
        require_ready(proposal.plan, accepted)
        require_no_secret(message, branch)
        repository = self._at(proposal.answers, proposal.existing)
        repository.require_idle()
        target = proposal.answers.repository.branch
        changes = [change for change in proposal.plan.changes if change.differs]
        examine_changes(repository, changes, commit=not write_only).require_safe()
        paths = [change.path for change in changes if not change.is_base]
        if write_only:
            if changes:
                write_changes(repository, changes)
            return CommitResult("", paths, [], [])
        push = push or pr or proposal.answers.repository.push
        if not changes:
            from wizard.workspace.merge_request import push_earlier_commits

            late = (
                push_earlier_commits(repository, branch, target, pr=pr, terminal=terminal)
                if push
                else []
            )
            return CommitResult("", [], ["nothing to change", *late], [])
        repository.author()
        repository.require_branch(target, branch or None)
        text = proposal.message(self.committed_answers(proposal.existing) or {}, message)
        written = commit_changes(
            repository, changes, text, target=target, branch=branch or None, terminal=terminal
        )
        repository.refresh()
        self.repository.refresh()
        notes = list(written.altered)
        following = [f"follow {proposal.rendering.release.runbook}"]
        if push:
            from wizard.workspace.merge_request import publish

            notes += publish(repository, written, target, pr=pr, terminal=terminal)
        else:
            from wizard.workspace.merge_request import list_push_commands

            following[:0] = list_push_commands(repository, branch or target)
        return CommitResult(written.commit or "", paths, notes, following)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
