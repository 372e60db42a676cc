"""The commit message, and the trailer that links a commit to the plan that was shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from wizard import __version__
from wizard.errors import RefusedError
from wizard.git.changes import ChangeKind, FileChange
from wizard.git.trailer import format_trailer

if TYPE_CHECKING:
    from wizard.plan.consequences import Consequence

# The length to which `git log --oneline` and forges cut a subject.
_WIDTH = 72


def commit_message(
    installation: str,
    changes: Iterable[FileChange],
    digest: str,
    subject: str = "",
    settings: Sequence[str] = (),
    consequences: Sequence[Consequence] = (),
    backup: str = "",
    earlier_version: str = "",
) -> str:
    """Return the commit message: subject, changed settings, files, consequences and the trailer.

    `subject` replaces the generated first line and may contain its own body; `settings` are the
    keys of the changed answers; `backup` is a sentence about the backup before a migration.
    `earlier_version` of the wizard wrote the files, if the commit contains what this one renders
    differently.
    """
    shown = [change for change in changes if change.is_shown]
    upgrades = bool(earlier_version) and not settings
    title = subject.strip() or (
        f"Upgrade Airflow installation {installation} to Airflow Wizard {__version__}"
        if upgrades
        else _subject(installation, shown, settings)
    )
    lines = [] if ", ".join(settings) in title else [f"Set {key}" for key in settings]
    lines += [f"{_VERBS[change.kind]} {change.path}" for change in shown]
    body = [title, "", *lines, ""] if lines and not subject.strip() else [title, ""]
    if earlier_version:
        body += [_explain_earlier_version(earlier_version, upgrades=upgrades), ""]
    if consequences:
        body += ["Consequences:", *(f"- {one}" for one in consequences), ""]
    if backup and any(one.needs_backup for one in consequences):
        body += [backup, ""]
    return "\n".join([*body, format_trailer(digest), ""])


def require_no_secret(message: str, branch: str) -> None:
    """Raise RefusedError if the commit message or the branch name contains a secret.

    Both are as public as the files: hooks and the Git host see them, and notification mails
    contain them.
    """
    from wizard.secrets.scan import find_leaks

    for option, text in (("--message", message), ("--branch", branch)):
        for leak in find_leaks(text, prose=True):
            raise RefusedError(
                f"{option} contains {leak.what}; nothing was written",
                "remove it, and rotate it if it is real: the command line is in the shell's "
                "history",
            )


def _explain_earlier_version(version: str, *, upgrades: bool) -> str:
    end = "No answer changes." if upgrades else "These differences are part of this commit."
    return fill(
        f"Airflow Wizard {version} wrote these files; version {__version__} renders them "
        f"differently. {end}",
        _WIDTH,
    )


_VERBS: Mapping[ChangeKind, str] = {
    "add": "Add",
    "modify": "Change",
    "delete": "Delete",
    "same": "Keep",
}


def _subject(installation: str, shown: Sequence[FileChange], settings: Sequence[str]) -> str:
    if shown and all(change.kind == "add" for change in shown):
        return f"Add Airflow installation {installation}"
    if shown and all(change.kind == "delete" for change in shown):
        return f"Remove Airflow installation {installation}"
    title = f"Change Airflow installation {installation}"
    named = f"{title}: {', '.join(settings)}"
    if not settings or len(named) <= _WIDTH:
        return named if settings else title
    return f"{title}: {len(settings)} settings" if len(settings) > 1 else title
