"""Finds the last run of the wizard in the history, and takes its answers back.

Only the answers are taken back. The files follow from them as from any other answers, so edits that
were made by hand after that run survive, in the files and in the answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import ConflictError, RefusedError, UsageError
from wizard.git.changes import Side, conflict_error
from wizard.git.trailer import TRAILER
from wizard.plan.merge.sides import MISSING
from wizard.plan.merge.values import merge_values
from wizard.plan.merge_base import base_folder, state_folder
from wizard.plan.tree_comparison import describe_disagreement
from wizard.workspace.committed import read_committed_answers

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.plan.plan import Plan

_DEPTH = 200
_IRREVERSIBLE = "irreversible"


@dataclass(frozen=True, slots=True)
class LastRun:
    """The commit of the wizard's last run for an installation, and the commit before it."""

    installation: str
    commit: str
    before: str
    subject: str

    @property
    def message(self) -> str:
        """The message of the commit that undoes this run."""
        return f'Undo "{self.subject}"\n\nThis undoes commit {self.commit}.'

    def __str__(self) -> str:
        return f"{self.commit[:12]}: {self.subject}"


def find_last_run(repository: WorkTree, name: str) -> LastRun:
    """Return the last run that is part of HEAD's history.

    A run has the trailer in its message, or changed the merge base, which only the wizard writes
    (a forge may drop the trailer when it squashes). Raises UsageError if that run made the
    installation, ConflictError if a shallow clone does not reach back to the commit before it.
    """
    own = f":(top,literal){repository.full_path(state_folder(name))}"
    base = f":(top,literal){repository.full_path(base_folder(name))}"
    runs = {*_list_commits(repository, base)}
    runs.update(_list_commits(repository, own, "--fixed-strings", f"--grep={TRAILER}: "))
    commit = next((one for one in _list_commits(repository, own) if one in runs), "")
    if not commit:
        raise UsageError(
            f"no run of the wizard for {name} is in the last {_DEPTH} commits that changed it",
            "change the answers with `airflow-wizard set KEY=VALUE`",
        )
    described = repository.git.read("show", "--no-patch", "--format=%P%n%s", commit, "--").text
    parents, _, subject = described.partition("\n")
    before = parents.split(" ")[0]
    if not before and repository.is_shallow:
        raise ConflictError(
            f"this clone is shallow: it does not have the commit before {commit[:12]}",
            "get the history: `git fetch --unshallow`",
        )
    run = LastRun(name, commit, before, subject)
    if not before or read_committed_answers(repository, name, before) is None:
        raise UsageError(
            f"the last run added the installation {name} ({run})",
            "remove an installation with `airflow-wizard destroy`",
        )
    return run


def _list_commits(repository: WorkTree, path: str, *options: str) -> list[str]:
    """Return the commits that changed a path, the newest first; merges are not runs."""
    wanted = ("--no-merges", "--topo-order", f"-n{_DEPTH}", "--format=%H", *options)
    return repository.git.read("log", *wanted, "HEAD", "--", path).text.split()


def undo_answers(
    repository: WorkTree, run: LastRun, decision: Side | None, folder: Path
) -> dict[str, Any]:
    """Return the raw answers of HEAD without what a run changed in them; later changes stay.

    Public files that the answers name, such as a CA, are written into `folder` as they were before
    the run, if it changed them.

    `decision` is the side for answers that were changed again after the run: "mine" keeps the
    later answer, "new" takes the one from before the run. Raises ConflictError without a decision,
    and UsageError if the run changed no answer.
    """
    after, mine, before = (
        read_committed_answers(repository, run.installation, commit) or {}
        for commit in (run.commit, None, run.before)
    )
    merged, found = merge_values(
        after, mine, before, lambda _: decision, lambda _: None, lambda *_: None
    )
    if found:
        path = f"{state_folder(run.installation)}/answers.yaml"
        reason = f"was changed again after {run.commit[:12]}"
        hint = (
            "keep the later answer with `--on-conflict mine`, or take the one from before that run "
            "with `--on-conflict new`"
        )
        raise conflict_error([describe_disagreement(path, one, reason, hint) for one in found])
    files = dict(_find_files(repository, run))
    if merged == mine and not files:
        raise UsageError(
            f"the last run changed no answer ({run})",
            f"take its files back with `git revert {run.commit[:12]}`",
        )
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {} if merged is MISSING else merged


def _find_files(repository: WorkTree, run: LastRun) -> Iterator[tuple[str, bytes]]:
    """Yield the files beside the answers that the run changed, as they were before."""
    own = state_folder(run.installation)
    for path in repository.head_tree(own, commit=run.before):
        name = path.removeprefix(f"{own}/")
        if "/" in name or name == "answers.yaml":
            continue
        after, mine, before = (repository.read(path, one) for one in (run.commit, None, run.before))
        if before is None or before in (after, mine):
            continue
        if mine not in (None, after):
            raise ConflictError(
                f"{path} was changed again after {run.commit[:12]}",
                "change the answer that names it with `airflow-wizard set KEY=VALUE`",
            )
        yield name, before


def require_reversible(plan: Plan, run: LastRun) -> None:
    """Raise RefusedError if undoing the run would go back across a migration."""
    found = [one for one in plan.consequences if one.grade == _IRREVERSIBLE]
    if found:
        raise RefusedError(
            f"the last run cannot be undone ({run}):\n" + "\n".join(f"  {one}" for one in found),
            "follow `Change and roll back` in the runbook, then change single answers with "
            "`airflow-wizard set KEY=VALUE`",
        )
