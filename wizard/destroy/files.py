"""The last step of `destroy`: one commit that removes the installation's files.

The files describe what to remove, so they are removed last, and an interrupted run reads them
again. Files that the wizard did not write stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.engine.probes import wrap_blocking
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError
from wizard.formats.shell import quote
from wizard.git.changes import BASE_PREFIX, FileChange, conflict_error
from wizard.git.preconditions import examine_changes
from wizard.git.trailer import parse_trailer
from wizard.git.transaction import commit_changes
from wizard.plan.commit_message import commit_message, require_no_secret
from wizard.plan.merge_base import base_folder, state_folder
from wizard.plan.plan import compute_digest
from wizard.state.apply_journal import ApplyHistory
from wizard.state.memory import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wizard.git.repository import WorkTree
    from wizard.manifests.release import Paths
    from wizard.workspace.installation import CommittedInstallation


@dataclass(frozen=True, slots=True)
class CommitOptions:
    """How the commit is made and where it goes; see the options of `commit`."""

    message: str = ""
    branch: str = ""
    push: bool = False
    pr: bool = False
    terminal: bool = False


class FileRemoval:
    """The files that the wizard wrote for an installation, and foreign files in its folders."""

    def __init__(
        self, found: CommittedInstallation, options: CommitOptions, *, payload: bool = False
    ) -> None:
        """Read what is committed; without `payload`, a file with encrypted values stays."""
        proposal = found.proposal
        self._options = options
        self._name = found.name
        self._repository: WorkTree = found.start.workspace.repository
        self._target = proposal.answers.repository.branch
        self._push = options.push or options.pr or proposal.answers.repository.push
        self._digest = compute_digest((), (), {"destroyed": proposal.plan.digest})
        values = {one.path for one in proposal.rendering.total.encrypted if not one.secret}
        self.kept_values = [] if payload else sorted(values)
        emitted = {
            one.path: one.logical
            for one in proposal.plan.changes
            if one.new is not None and one.path not in self.kept_values
        }
        base = f"{base_folder(found.name)}/"
        own = [path for path in self._list_files((base,)) if path not in emitted]
        self._emitted = {**emitted, **dict.fromkeys(own, BASE_PREFIX)}
        self.edited = sorted(one.path for one in proposal.plan.changes if one.note)
        self.foreign_files = [
            path
            for path in self._list_files(
                (state_folder(found.name), *_folders(proposal.rendering.release.paths))
            )
            if path not in self._emitted and path not in self.kept_values
        ]

    def _list_files(self, folders: Sequence[str]) -> list[str]:
        return list(self._repository.head_tree(*folders))

    @property
    def listed_files(self) -> list[str]:
        """The files to remove, without the merge base."""
        hidden = f"{base_folder(self._name)}/"
        return sorted(path for path in self._emitted if not path.startswith(hidden))

    @property
    def command(self) -> str:
        """The command that removes the files without the wizard."""
        paths = (f"{base_folder(self._name)}/", *self.listed_files)
        return f"git rm -r -- {' '.join(map(quote, paths))}"

    def changes(self) -> list[FileChange]:
        """Return the deletions that are not committed yet."""
        held = self._repository.read_many(self._emitted)
        return [
            FileChange(path, self._emitted[path], "delete", data, None)
            for path, data in sorted(held.items())
            if data is not None
        ]

    @property
    def terminal(self) -> bool:
        """Whether Git may ask for a passphrase."""
        return self._options.terminal

    def require_possible(self) -> None:
        """Raise the errors that the commit would raise; called before anything is removed."""
        require_no_secret(self._options.message, self._options.branch)
        repository = self._repository
        repository.require_idle()
        verdict = examine_changes(repository, self.changes())
        verdict.require_safe()
        if verdict.conflicts:
            raise conflict_error(verdict.conflicts)
        repository.author()
        repository.require_branch(self._target, self._options.branch or None)

    def build_step(self, require_gone: Callable[[], None]) -> Step:
        """Return the commit as the run's last step; the files stay until all others are done.

        `require_gone` raises while a controller may still use the files. Git runs in a thread,
        because hooks and pushes are slow and the event loop renews the run's lock.
        """

        def check() -> StepStatus:
            left = self.changes()
            if not left:
                return StepStatus("holds", "no file of the installation is committed")
            return StepStatus("wanted", f"{len(left)} files are committed")

        def change() -> str:
            require_gone()
            return self._commit()

        title = f"Remove the files of {self._name} in one commit"
        return Step(
            "destroy.files", title, "me", str(self._repository.top), wrap_blocking(check),
            wrap_blocking(change),
            wrap_blocking(lambda: f"one commit would remove {len(self.changes())} files"),
            is_final=True,
        )  # fmt: skip

    def _commit(self) -> str:
        options, repository = self._options, self._repository
        changes = self.changes()
        message = commit_message(self._name, changes, self._digest, subject=options.message)
        written = commit_changes(
            repository,
            changes,
            message,
            target=self._target,
            branch=options.branch or None,
            terminal=options.terminal,
        )
        repository.refresh()
        lines = [f"committed {(written.commit or '')[:12]}", *written.altered]
        if self._push:
            from wizard.workspace.merge_request import publish

            lines += publish(
                repository, written, self._target, pr=options.pr, terminal=options.terminal
            )
        return "; ".join(lines)


def forget_installation(repository: WorkTree, name: str) -> None:
    """Delete the state that this machine keeps of a destroyed installation."""
    ApplyHistory(repository, name).forget()
    StateFile(repository, name, "unverified").forget()


def _folders(paths: Paths) -> tuple[str, ...]:
    return (paths.apps, paths.argocd, paths.vault, paths.docs, paths.image)


def find_destroy_commit(repository: WorkTree, name: str) -> str:
    """Return the commit in which `destroy` removed an installation's files; empty without one.

    Raises ConflictError if they were deleted by hand: the objects may still exist, and the files
    say what to remove.
    """
    path = repository.full_path(f"{state_folder(name)}/answers.yaml")
    # With -c, a merge counts too that deletes what all its parents have.
    log = ("log", "-1", "-c", "--no-patch", "--diff-filter=D", "--format=%H %P%n%B")
    found = repository.git.read(*log, "HEAD", "--", path, ok=(0, 128))
    first, _, message = found.text.strip().partition("\n") if found.code == 0 else ("", "", "")
    commit, *parents = first.split() or [""]
    if commit and parse_trailer(message) is None:
        revert = f"git revert {'-m 1 ' if len(parents) > 1 else ''}{commit[:12]}"
        raise ConflictError(
            f"commit {commit[:12]} deleted the files of {name}, but not by destroy: what they "
            "describe may still exist",
            f"restore them with {revert}, then run this again; if their owners "
            "confirmed that nothing is left, there is nothing to do",
        )
    return commit
