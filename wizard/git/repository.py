"""Opens a Git work tree and reads its location, commit author and branch.

Reading never runs anything that the repository configures; see `wizard.git.command`. Code that
changes a work tree is in `wizard.git.transaction` and `wizard.git.push`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from wizard.errors import ConflictError, UsageError, WizardError
from wizard.git import files
from wizard.git.discovery import discover_work_tree, init_repository
from wizard.git.objects import GitObjects
from wizard.git.paths import path_problem

_GIT_OPERATIONS = {
    "MERGE_HEAD": ("a merge", "git merge --continue", "git merge --abort"),
    "rebase-merge": ("a rebase", "git rebase --continue", "git rebase --abort"),
    "rebase-apply": ("a rebase or `git am`", "git rebase --continue", "git rebase --abort"),
    "CHERRY_PICK_HEAD": ("a cherry-pick", "git cherry-pick --continue", "git cherry-pick --abort"),
    "REVERT_HEAD": ("a revert", "git revert --continue", "git revert --abort"),
    "sequencer": ("a cherry-pick or revert", "git status", "git cherry-pick --abort"),
    "BISECT_LOG": ("a bisect", "git bisect log", "git bisect reset"),
}


@dataclass(frozen=True, slots=True)
class Author:
    """The commit author from git's configuration."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class WorkTree(GitObjects):
    """A work tree; create one with `open` or `init`."""

    _author: Author | None = None

    @cached_property
    def _branch_names(self) -> set[str]:
        """The texts that git has accepted as names of branches."""
        return set()

    @classmethod
    def open(cls, path: str | os.PathLike[str], prefix: str | None = None) -> WorkTree:
        """Return the work tree that contains a folder; supports linked work trees and submodules.

        Without `prefix`, the top is the nearest folder upwards that has `.airflow-wizard`, else the
        work tree's root. UsageError if there is no usable work tree, RefusedError if git does not
        trust it; every error has a fix.
        """
        start, root, git_dir, common_dir, object_format = discover_work_tree(Path(path))
        repo = cls(root, git_dir, common_dir, object_format)
        return repo.with_prefix(repo._nearest(start) if prefix is None else prefix)

    @classmethod
    def init(cls, path: str | os.PathLike[str], branch: str = "main") -> WorkTree:
        """Create a repository in a new or empty folder, without template hooks."""
        init_repository(Path(path), branch)
        return cls.open(path, prefix="")

    def with_prefix(self, prefix: str) -> WorkTree:
        """Return the same work tree with a different top.

        Raises UsageError for a prefix outside the work tree.
        """
        clean = prefix.strip("/") if prefix.strip("/") != "." else ""
        clean = clean.removeprefix("./")
        if clean and (prefix.startswith("/") or path_problem(clean)):
            raise UsageError(
                f"repository.path: {prefix!r} is not a folder of the repository",
                "give it relative to the top of the work tree, with forward slashes",
            )
        return WorkTree(self.root, self.git_dir, self.common_dir, self.object_format, clean)

    def _nearest(self, start: Path) -> str:
        for folder in (start, *start.parents):
            if folder == self.root or not folder.is_relative_to(self.root):
                break
            if (folder / ".airflow-wizard").is_dir():
                return folder.relative_to(self.root).as_posix()
        return ""

    def read_from_disk(self, path: str) -> bytes | None:
        """Return the bytes on disk, None without a file; RefusedError for a link in the path."""
        found = files.read_file(self.root, self.full_path(path))
        return found[0] if found else None

    # Author and branch

    def author(self) -> Author:
        """Return the author of the next commit; WizardError with the commands that set it."""
        if self._author is not None:
            return self._author
        ident = self.git.read(
            "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT", ok=range(256)
        )
        match = re.fullmatch(r"([^<>\n]+) <([^<>\n]*)> \d+ [+-]\d+", ident.text)
        if ident.code or not match or not match[2]:
            raise WizardError(
                "git does not know who you are, so nothing can be committed",
                'git config --global user.name "Your Name"\n'
                "git config --global user.email you@example.com",
            )
        self._author = Author(match[1], match[2])
        return self._author

    def require_idle(self) -> None:
        """Raise ConflictError during a merge, a rebase or another unfinished git operation."""
        for name, (what, on, back) in _GIT_OPERATIONS.items():
            if (self.git_dir / name).exists():
                raise ConflictError(
                    f"{self.root}: {what} is under way", f"finish it (`{on}`) or stop it (`{back}`)"
                )
        lock = self.git_dir / "index.lock"
        if lock.exists():
            raise ConflictError(
                f"{self.root}: another git command is writing (index.lock exists)",
                f"wait until it is done; if no git runs, delete the lock: `rm {lock}`",
            )

    def require_branch(self, target: str, work: str | None = None) -> None:
        """Raise UsageError unless HEAD allows a commit for `target`.

        Without `work`, HEAD must be the target branch. With `work`, HEAD must be the work branch,
        or be at the commit of the target branch, from which the work branch is then created.
        """
        for name in filter(None, (target, work)):
            self.require_branch_name(name)
        head = self.head
        ref = self.branch_ref(work or target)
        if work not in {None, target} and ref == self.branch_ref(target):
            raise UsageError(
                f"--branch {work} leads to the same branch as repository.branch, {target}: one of "
                "them is a symbolic ref",
                "give a different name with --branch",
            )
        if head.branch and ref == f"refs/heads/{head.branch}":
            return
        where = f"on branch {head.branch}" if head.branch else "detached"
        if work is None:
            wanted = "git symbolic-ref HEAD refs/heads/" if head.commit is None else "git switch "
            raise UsageError(
                f"HEAD is {where}, but repository.branch is {target}",
                f"`{wanted}{target}`, or commit to a separate branch with `--branch NAME`",
            )
        if work == target:
            raise UsageError(f"--branch {work} is repository.branch itself", "remove --branch")
        if head.commit is None:
            raise UsageError(
                f"branch {target} has no commit yet, so {work} cannot be created from it",
                "create the first commit without --branch",
            )
        start = self.resolve(target)
        if start is None:
            raise UsageError(
                f"repository.branch is {target}, but there is no such local branch",
                f"`git fetch` and `git switch {target}`, or correct repository.branch",
            )
        if not ref.startswith("refs/heads/"):
            raise UsageError(
                f"branch {work} is a symbolic ref to {ref}, not a branch",
                f"`git symbolic-ref --delete refs/heads/{work}`, or give a different --branch",
            )
        existing = self.resolve_ref(ref)
        if existing is not None and existing != head.commit:
            raise UsageError(
                f"branch {work} exists already", f"continue there with `git switch {work}`"
            )
        if start != head.commit:
            raise UsageError(
                f"HEAD is {where}, not at the commit of {target}, from which {work} is created",
                f"`git switch {target}`",
            )

    def require_branch_name(self, branch: str, place: str = "") -> None:
        """Raise UsageError unless the text is a branch name; `place` is where it was given."""
        if branch in self._branch_names:
            return
        sound = branch.isprintable() and not branch.startswith("-")
        if sound:
            found = self.git.read("check-ref-format", f"refs/heads/{branch}", ok=(0, 1))
            sound = not found.code
        if not sound:
            # The text is not repeated: it may be a value that was typed in the wrong place.
            raise UsageError(
                f"{place or 'the branch'}: this is not a branch name",
                "use letters, digits, - and /",
            )
        self._branch_names.add(branch)

    @property
    def interrupted(self) -> bool:
        """Return whether a write was interrupted; `recover_interrupted_write` resolves it."""
        return (self.git_dir / "airflow-wizard" / "journal" / "state.json").exists()
