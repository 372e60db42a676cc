"""The config repository for every front end: opening it, proposals, and the commit.

Screens, prompts and headless commands write only through this module, so all write the same files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import __version__
from wizard.errors import AnswersError, ConflictError, Problem, UsageError, WizardError
from wizard.git.repository import WorkTree
from wizard.git.target import (
    TargetBranch,
    TargetCommit,
    find_target,
    locate_target,
    read_target_settings,
)
from wizard.git.transaction import recover_interrupted_write
from wizard.plan.comparison import compare_rendering, find_uncommitted_edits, merge_files
from wizard.plan.merge.sides import UNDECIDED, Decisions
from wizard.plan.merge_base import base_folder
from wizard.plan.plan import Plan, PlannedStep
from wizard.state.apply_journal import is_committed, with_cluster_identity
from wizard.workspace import committed
from wizard.workspace.commit import CommitOptions, commit_proposal
from wizard.workspace.proposal import Acceptance, CommitResult, Proposal
from wizard.workspace.upgrade import separate_upgrade

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.findings import Finding
    from wizard.git.objects import Head
    from wizard.git.rollback import Recovery
    from wizard.hostkeys.scan import Scan, Scanner
    from wizard.hostkeys.verdict import KnownHost
    from wizard.plan.claims import Claims
    from wizard.plan.consequences import Consequence


class Workspace:
    """One config repository, opened for one user of the wizard."""

    def __init__(
        self,
        repository: WorkTree,
        identity: Acceptance,
        branch: str = "",
        recovered: Recovery | None = None,
        target: str = "",
    ) -> None:
        self.repository = repository
        self.identity = identity
        self.work_branch = branch
        self.recovered = recovered
        self._asked_target = target
        self._targets: dict[str, TargetBranch] = {}
        self._target_commits: dict[TargetBranch, TargetCommit] = {}
        self._target_settings: dict[str, str] = {}
        self._targets_head: Head | None = None

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        branch: str = "",
        target: str = "",
        create: bool = False,
        recover: bool = True,
        today: str = "",
    ) -> Workspace:
        """Open the repository that contains `folder`; with `create`, initialize an empty folder.

        `branch` is the work branch to commit to, `target` the target branch (default: found as
        `wizard.git.target` says). `today` is the UTC date for new evidence (default: now). An
        interrupted write is finished or undone first, and reported in `recovered`; with `recover`
        false (read-only commands) it raises ConflictError. Raises UsageError if there is no
        repository.
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
        date = today or datetime.now(UTC).date().isoformat()
        return cls(repository, Acceptance(by, date), branch, recovered, target)

    def with_repository(self, repository: WorkTree) -> Workspace:
        """Return a workspace of the same user for another folder of the work tree."""
        return Workspace(
            repository, self.identity, self.work_branch, self.recovered, self._asked_target
        )

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

    def target(self, name: str) -> TargetBranch:
        """Return the target branch for a committed installation: see `wizard.git.target`.

        Raises UsageError for a --target that is not a branch name.
        """
        return self._locate_target(name)

    def target_commit(self, name: str) -> TargetCommit:
        """Return the commit of the target branch whose evidence counts, or why there is none."""
        target = self._locate_target(name)
        if target not in self._target_commits:
            self._target_commits[target] = locate_target(self.repository, target)
        return self._target_commits[target]

    def _locate_target(self, name: str) -> TargetBranch:
        """Return the target as known since the repository's last `refresh`."""
        head = self.repository.head
        if head is not self._targets_head:
            self._targets_head, self._targets, self._target_commits = head, {}, {}
            self._target_settings = read_target_settings(self.repository)
        if name not in self._targets:
            named = partial(committed.read_named_branch, self.repository, name)
            self._targets[name] = find_target(
                self.repository, self._asked_target, named, self._target_settings
            )
        return self._targets[name]

    def target_answers(self, name: str) -> dict[str, Any]:
        """Return the raw answers of an installation on its target branch; empty if missing."""
        commit = self.target_commit(name).commit if name else None
        return (self._answers_at(name, commit) or {}) if commit else {}

    def committed_entries(self, name: str) -> tuple[KnownHost, ...]:
        """Return the host keys committed on the target branch, with their recorded evidence.

        A key counts only if the last rendering there contains it too, so a key that was only added
        to the answers by hand and committed does not count.
        """
        commit = self.target_commit(name).commit if name else None
        if commit is None:
            return ()
        return committed.select_rendered_entries(
            self._answers_at(name, commit), self._stored(name, commit), name
        )

    def inspect_target(self, answers: Answers, existing: str) -> list[Finding]:
        """Return a finding if the answers name a branch other than the target branch."""
        from wizard.workspace.evidence import inspect_target

        return inspect_target(answers, self.target(existing), self.repository)

    def select_owned_paths(
        self, name: str, paths: frozenset[str], current: frozenset[str] | None
    ) -> frozenset[str]:
        """Return those of the paths that the committed answers of an installation lead to.

        `current` are the rendered paths if the answers do not change, else None. If a person
        committed other answers, the files are still where the last merge base was written for.
        """
        from wizard.workspace.ownership import find_base_commit, find_nested_paths

        if not name or not paths:
            return frozenset()
        if current is not None and paths <= current:
            return paths
        head = self.repository.head.commit
        owned = paths & (self._rendered_paths(name, head) if current is None else current)
        if owned != paths:
            owned |= paths & self._rendered_paths(name, find_base_commit(self.repository, name))
        return owned - find_nested_paths(self.repository, name, owned)

    @lru_cache(maxsize=4)  # noqa: B019 - a workspace lives as long as the process
    def _rendered_paths(self, name: str, commit: str | None) -> frozenset[str]:
        from wizard.workspace.ownership import render_paths

        read = partial(self._answers_at, name, commit)
        return render_paths(name, read, lambda answers: self.with_assets(answers, name, None))

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
        scans: Sequence[Scan] = (),
        decisions: Decisions = UNDECIDED,
    ) -> Proposal:
        """Validate, verify host keys, render, check and compare; writes nothing.

        `existing` names the committed installation that the answers belong to. File names in the
        answers are relative to `folder`. `chart` is a chart for a full check of the values.
        `scanner` is used if no host key is known; `scans` are those that the operator requested.
        `decisions` decide where a hand edit and the answers differ.
        Raises AnswersError for answers that do not validate.
        """
        from wizard.answers.files import require_valid_answers, validate_answers
        from wizard.plan.render import render
        from wizard.workspace.consequences import compare_installed, read_installed
        from wizard.workspace.git_hosts import list_git_hosts
        from wizard.workspace.host_keys import verify_host_keys
        from wizard.workspace.neighbours import require_disjoint_claims, require_name
        from wizard.workspace.rivals import find_rivals
        from wizard.workspace.source import with_source
        from wizard.workspace.surroundings import list_special_files, read_surroundings

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
        needs_keys = bool(list_git_hosts(answers))
        try:
            settled = verify_host_keys(
                answers,
                typed=typed,
                committed=self.committed_entries(existing) if needs_keys else (),
                by=self.identity.by,
                date=self.identity.date,
                scanner=scanner,
                scans=scans,
            )
        except ValueError as error:
            raise AnswersError(
                "a fingerprint is not valid", [Problem("--host-key-fingerprint", str(error))]
            ) from None
        if not existing:
            settled = replace(settled, answers=with_source(settled.answers, repository))
        rendering = render(settled.answers, assets)
        if settled.answers.values:
            from wizard.plan.guarded_keys import refuse_guarded_values
            from wizard.workspace.values_problems import add_value_findings

            try:
                warnings += tuple(refuse_guarded_values(settled.answers, rendering, assets))
            except AnswersError as error:
                values = settled.answers.values
                raise add_value_findings(error, rendering, values, chart) from None
        stored = self._stored(existing, repository.head.commit) if existing else None

        def owned(paths: frozenset[str]) -> frozenset[str]:
            current = frozenset(rendering.tree) if data == before else None
            return self.select_owned_paths(existing, paths, current)

        compare = partial(compare_rendering, repository, stored=stored, owned=owned)
        changes, conflicts, base = compare(rendering, decisions=decisions)
        if existing and any(one.differs for one in changes):
            met = with_cluster_identity(settled.answers, repository, existing)
            if is_committed(repository, existing):
                met = with_source(met, repository)
            if met is not settled.answers:
                settled, rendering = replace(settled, answers=met), render(met, assets)
                changes, conflicts, base = compare(rendering, decisions=decisions)
        # The merge base cannot show that a kept edit, or a file of others, is harmless.
        unchanged = (
            base.version == __version__
            and not any(one.differs or one.note for one in changes)
            and not list_special_files(repository, rendering)
            and not find_rivals(repository, rendering).data
        )
        findings: list[Finding] = []
        if chart is not None or conflicts or not unchanged:
            from wizard.checks.run import inspect_rendering

            files = merge_files(changes, conflicts, rendering)
            deleted = {one.path for one in changes if one.new is None}
            beside = read_surroundings(repository, rendering, files, deleted)
            findings = inspect_rendering(
                rendering, beside.data, chart, beside.skipped, beside.rivals, beside.unsearched
            )
        missing = settled.missing
        if missing and existing and needs_keys:
            from wizard.workspace.evidence import explain_unreadable_evidence

            missing = (*missing, *explain_unreadable_evidence(self.target_commit(existing)))
        outcome: tuple[Sequence[Consequence], Sequence[PlannedStep] | None] = ((), None)
        if existing:
            outcome = compare_installed(
                lambda: read_installed(
                    before or {}, lambda found: self.with_assets(found, existing, None)
                ),
                settled.answers,
                rendering,
                changes,
            )
        plan = Plan(
            rendering.release.installation,
            changes,
            conflicts,
            rendering.total.steps,
            [*findings, *self.inspect_target(settled.answers, existing)],
            (
                *warnings,
                *rendering.warnings,
                *settled.notes,
                *find_uncommitted_edits(repository, changes),
            ),
            missing,
            {"cluster": settled.answers.cluster.uid},
            *outcome,
        )
        again = partial(self.propose, typed=typed, existing=existing, decisions=decisions)
        plan, upgrade = separate_upgrade(base.version, before, data, settled.answers, plan, again)
        return Proposal(settled.answers, rendering, plan, existing, upgrade)

    def _at(self, answers: Answers, existing: str) -> WorkTree:
        wanted = answers.repository.prefix
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
        from wizard.workspace.assets import read_asset

        return load_assets(
            answers,
            lambda path, limit: read_asset(self.repository, path, existing, folder, limit),
        )

    def commit(self, proposal: Proposal, options: CommitOptions = CommitOptions()) -> CommitResult:  # noqa: B008 - frozen
        """Write the files of a proposal and commit them: see `commit_proposal`."""
        before = self.committed_answers(proposal.existing) or {}
        repository = self._at(proposal.answers, proposal.existing)
        done = commit_proposal(repository, proposal, before, options)
        self.repository.refresh()
        return done
