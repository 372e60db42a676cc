"""Answers that this machine may have: the Git remotes, and variables such as VAULT_ADDR.

The contexts of the kubeconfig are no answers: each machine names them as it likes.

A suggestion is shown before it becomes an answer, with its source. It is never evidence, and a URL
with credentials is not suggested.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizard.answers.files import validate_answers
from wizard.answers.questions import FieldSpec, field_specs
from wizard.clients.kube.config import DEFAULT_FILE, list_kube_contexts
from wizard.errors import WizardError
from wizard.formats.addresses import GitLocation, parse_git_url
from wizard.formats.nested import put_value
from wizard.git.push import list_remotes, remote_url
from wizard.git.repository import WorkTree

_DAGS = re.compile(r"(^|[^a-z])dags?([^a-z]|$)")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A value for one question and where it is from; a `partial` one is only its beginning."""

    value: str
    source: str
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Contexts:
    """The contexts of the kubeconfig, the current one (empty without one), and the source."""

    names: tuple[str, ...] = ()
    current: str = ""
    source: str = ""


def find_contexts(environment: Mapping[str, str]) -> Contexts:
    """Return the contexts of this machine; none without a readable kubeconfig."""
    try:
        names, current = list_kube_contexts()
    except WizardError:
        return Contexts()
    return Contexts(
        names, current, "$KUBECONFIG" if environment.get("KUBECONFIG") else DEFAULT_FILE
    )


def find_suggestions(
    repository: WorkTree, environment: Mapping[str, str]
) -> Mapping[str, Suggestion]:
    """Return what this machine suggests, by question; starts only read-only git commands.

    Values that their question would refuse are left out.
    """
    remotes = dict(_list_remotes(repository))
    found = {}
    for item in field_specs():
        if not item.ask.machine:
            continue
        if item.ask.machine.startswith("$"):
            one = _read_variable(item, environment)
        else:
            one = _REMOTES[item.ask.machine](remotes)
        if one is not None and (one.partial or _is_valid(item, one.value)):
            found[item.key] = one
    return found


def _read_variable(item: FieldSpec, environment: Mapping[str, str]) -> Suggestion | None:
    value = environment.get(item.ask.machine.removeprefix("$"), "").strip()
    if not value or (item.ask.asset is not None and not Path(value).is_file()):
        return None
    return Suggestion(value, item.ask.machine)


def _list_remotes(repository: WorkTree) -> Iterator[tuple[str, str]]:
    """Yield name and URL of the remotes that pods could clone: the one to push to comes first."""
    try:
        names = repository.git.read("remote").text.split()
    except WizardError:
        return
    try:
        first = list_remotes(repository, repository.head.branch or "")
    except WizardError:
        first = []
    for name in dict.fromkeys([*(one for one in first if one in names), *names]):
        try:
            url = remote_url(repository, name, push=False)
            location = parse_git_url(url)
        except (WizardError, ValueError):
            continue
        # A name without a dot is an alias of this machine's SSH configuration.
        if "***" not in url and ("." in location.host or ":" in location.host):
            yield name, url


def _suggest_config(remotes: Mapping[str, str]) -> Suggestion | None:
    """Return the repository that people push the configuration to."""
    return next((Suggestion(url, f"git remote {name}") for name, url in remotes.items()), None)


def _suggest_dags(remotes: Mapping[str, str]) -> Suggestion | None:
    """Return a remote that is named after DAGs; else the host of the first remote.

    A URL without a path is no answer, so nobody takes it for one by mistake.
    """
    for name, url in remotes.items():
        if _DAGS.search(parse_git_url(url).path.lower()) or _DAGS.search(name.lower()):
            return Suggestion(url, f"git remote {name}")
    for name, url in remotes.items():
        return Suggestion(_host_url(parse_git_url(url)), f"the host of git remote {name}", True)
    return None


def _host_url(location: GitLocation) -> str:
    """Return the URL up to the path, with the user and any unusual port."""
    user = f"{location.user}@" if location.user else ""
    host = f"[{location.host}]" if ":" in location.host else location.host
    port = "" if location.port in (22, 443) else f":{location.port}"
    return f"{location.scheme}://{user}{host}{port}/"


_REMOTES: Mapping[str, Callable[[Mapping[str, str]], Suggestion | None]] = {
    "Git remote": _suggest_config,
    "Git remote of DAGs": _suggest_dags,
}


def _is_valid(item: FieldSpec, value: str) -> bool:
    data: dict[str, Any] = put_value({}, item.path, value)
    return all(problem.key != item.key for problem in validate_answers(data).problems)
