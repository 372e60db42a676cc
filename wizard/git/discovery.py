"""Finds the work tree that contains a folder, and creates repositories."""

from __future__ import annotations

import os
from pathlib import Path

from wizard.errors import RefusedError, UsageError, WizardError
from wizard.formats.terminal import escape_unprintable
from wizard.git.command import Git, GitOutput

_QUESTIONS = (
    "--is-bare-repository",
    "--is-inside-work-tree",
    "--show-object-format",
    "--path-format=absolute",
    "--git-dir",
    "--git-common-dir",
    "--show-toplevel",
)


def discover_work_tree(path: Path) -> tuple[Path, Path, Path, Path, str]:
    """Return the folder, its work tree, Git folder, common Git folder and object format.

    UsageError if there is no work tree, RefusedError if git does not trust its owner or the
    configuration puts the work tree elsewhere.
    """
    folder = Path(os.path.realpath(path))
    if not folder.is_dir():
        raise UsageError("there is no such folder", "check --repo")
    asked = Git(folder).read("rev-parse", *_QUESTIONS, ok=(0, 128))
    lines = asked.text.split("\n")
    if asked.code:
        raise _work_tree_error(folder, asked, lines)
    if len(lines) != len(_QUESTIONS) - 1:
        raise UsageError(
            f"{escape_unprintable(str(folder))}: the path contains a line break",
            "move the repository",
        )
    object_format, git_dir, common_dir, root = lines[2], *(Path(line) for line in lines[3:])
    _require_own(folder, root, git_dir)
    return folder, root, git_dir, common_dir, object_format


def _work_tree_error(folder: Path, asked: GitOutput, lines: list[str]) -> WizardError:
    where = escape_unprintable(str(folder))
    if "dubious ownership" in asked.err:
        return RefusedError(
            f"{where}: belongs to another user, so git does not trust its configuration",
            f"if you trust it: `git config --global --add safe.directory {where}`",
        )
    if "not a git repository" in asked.err:
        return UsageError(
            f"{where}: is not in a Git repository",
            "give the config repository with --repo, clone it, or create one: "
            f"`git init -b main {where}`",
        )
    if lines[0] == "true":
        return UsageError(
            f"{where}: is a bare repository, which has no files to change",
            f"`git clone {where} FOLDER` and use that, or add a work tree with `git worktree add`",
        )
    if lines[1:2] == ["false"]:
        return UsageError(f"{where}: is inside a Git folder", "use its work tree instead")
    return asked.error("run `git status` there for details")


def _require_own(folder: Path, root: Path, git_dir: Path) -> None:
    """Require the work tree to be where its `.git` is: core.worktree can name any folder."""
    entry = root / ".git"
    own = False
    if folder.is_relative_to(root):
        if entry.is_dir():
            own = os.path.realpath(entry) == os.path.realpath(git_dir)
        elif entry.is_file():
            text = entry.read_text("utf-8", "surrogateescape").strip()
            target = root / text.removeprefix("gitdir:").strip()
            own = os.path.realpath(target) == os.path.realpath(git_dir)
    if not own:
        raise RefusedError(
            f"{escape_unprintable(str(folder))}: its Git configuration puts the work tree "
            f"elsewhere ({escape_unprintable(str(root))})",
            "remove core.worktree from the configuration, or use the folder that contains `.git`",
        )


def init_repository(path: Path, branch: str) -> None:
    """Run `git init` in a new or empty folder; UsageError if the folder is not empty."""
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise UsageError(
            f"{escape_unprintable(str(path))}: is not a folder", "give a new or empty folder"
        )
    if path.is_dir() and any(path.iterdir()):
        raise UsageError(
            f"{escape_unprintable(str(path))}: is not empty",
            f"run `git init -b {branch}` in it yourself, or give a new folder",
        )
    above = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    outer = Git(above).read("rev-parse", "--show-toplevel", ok=(0, 128))
    if not outer.code:
        raise UsageError(
            f"{escape_unprintable(str(path))}: is inside the repository "
            f"{escape_unprintable(outer.text)}",
            "use that repository, or give a folder outside it",
        )
    made = Git(above).read("check-ref-format", f"refs/heads/{branch}", ok=(0, 1))
    if made.code or branch.startswith("-"):
        raise UsageError("the branch: this is not a branch name", "use letters, digits, - and /")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WizardError(
            f"{escape_unprintable(str(path))}: cannot be created: {error.strerror}"
        ) from None
    Git(path).read("init", "--quiet", "--template=", f"--initial-branch={branch}")
