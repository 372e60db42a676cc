"""Rules of the section DAGs that its types cannot express.

Each problem names the key to change and a valid answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.errors import Problem

if TYPE_CHECKING:
    from wizard.answers.model import Answers

_SYNC = "GITSYNC_"
_HOST = "dags.host_keys and dags.ca.file say how the Git host is verified"
_LOGIN = "dags.key and dags.credentials are the login"
_CHART = "the chart sets it"
# What questions or the chart decide, by the name of the variable without its prefix (git-sync
# 4.4.2, main.go; chart 1.22.0).
_DECIDED = {
    **dict.fromkeys(("REPO",), "dags.repo sets it"),
    **dict.fromkeys(("REF", "REV", "BRANCH"), "dags.ref sets it"),
    **dict.fromkeys(("PERIOD", "WAIT"), "dags.period sets it"),
    "DEPTH": "dags.depth sets it",
    **dict.fromkeys(
        ("MAX_FAILURES", "MAX_SYNC_FAILURES"), "dags.git_sync.max_failures sets it"
    ),
    **dict.fromkeys(
        ("SSH", "SSH_KNOWN_HOSTS", "SSH_KNOWN_HOSTS_FILE", "KNOWN_HOSTS", "GIT_CONFIG"), _HOST
    ),
    **dict.fromkeys(
        (
            "USERNAME", "PASSWORD", "PASSWORD_FILE", "CREDENTIAL", "ASKPASS_URL", "COOKIE_FILE",
            "SSH_KEY_FILE", "GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_PRIVATE_KEY_FILE",
            "GITHUB_APP_CLIENT_ID", "GITHUB_APP_APPLICATION_ID", "GITHUB_APP_INSTALLATION_ID",
            "GITHUB_BASE_URL",
        ),
        _LOGIN,
    ),
    **dict.fromkeys(
        ("ROOT", "LINK", "DEST", "ADD_USER", "ONE_TIME", "HTTP_BIND", "GIT"), _CHART
    ),
}  # fmt: skip


def check_git_sync_variables(answers: Answers) -> Iterator[Problem]:
    """Report settings of git-sync that another answer decides, or that could loosen its trust."""
    dags = answers.dags
    if dags.source != "git-sync" or not dags.git_sync.variables:
        return
    from wizard.hostkeys.git_environment import has_loose_options, refuse_sync_variable

    for name, value in dags.git_sync.variables.items():
        reason = _DECIDED.get(name.removeprefix(_SYNC), "") if name.startswith(_SYNC) else ""
        if not reason and name.startswith(("GIT_SYNC_", "GIT_")):
            reason = f"write the setting's name of git-sync 4, which begins with {_SYNC}"
        if not reason:
            refusal = refuse_sync_variable(name, None if "$(" in value else value)
            if refusal is not None and refusal.severity == "error":
                reason = refusal.message
            elif has_loose_options(value):
                reason = _HOST
        if reason:
            yield Problem(f"dags.git_sync.variables.{name}", f"remove it: {reason}")


def check_bundle_users(answers: Answers) -> Iterator[Problem]:
    """Report a user whose name is a template: no check could read the connection with it."""
    dags = answers.dags
    if dags.source != "bundle":
        return
    users = {f"dags.bundles.{number}": one.username for number, one in enumerate(dags.bundles)}
    for key, user in {"dags.credentials": dags.credentials.username, **users}.items():
        if "{{" in user:
            yield Problem(
                f"{key}.username", "give a user name without two braces, which begin a template"
            )


def check_bundle_certificates(answers: Answers) -> Iterator[Problem]:
    """Report a bundle that is verified with a CA which no answer gives, and too many of them."""
    from wizard.hostkeys.git_environment import MOST_CA_HOSTS

    dags = answers.dags
    using = [one for one in dags.bundles if one.ca] if dags.source == "bundle" else []
    if using and not dags.ca.file:
        yield Problem(
            "dags.ca.file", f"name the PEM file with the CA: bundle {using[0].name} has ca: true"
        )
    if len(using) >= MOST_CA_HOSTS:
        yield Problem("dags.bundles", f"set ca: true for fewer than {MOST_CA_HOSTS} bundles")
