"""The deploy keys of an installation: each with its question and its repository."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.formats.addresses import GitLocation, parse_git_url
from wizard.formats.nested import get_value

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.secrets.facts import Fact
    from wizard.secrets.references import DeployKey

# For each key in the store: the questions about the deploy key and about its repository.
QUESTIONS = {
    "gitSshKey": ("dags.key", "dags.repo"),
    "repositorySshKey": ("delivery.argocd.key", "delivery.argocd.repo_url"),
}


@dataclass(frozen=True, slots=True)
class GitKey:
    """One deploy key: the fact in the store, its question, and the repository it reads.

    `label` names the key where its question is a list.
    """

    fact: str
    question: str
    repository: str
    url: str
    answer: DeployKey
    comment: str
    label: str = ""

    @property
    def title(self) -> str:
        """The name of the key in messages."""
        if self.label:
            return f"the key {self.label}"
        return "deploy key" if self.question == "dags.key" else "Argo CD's key"

    @property
    def name(self) -> str:
        """The place of the key in the answers, for messages."""
        return self.label or self.question

    @property
    def public(self) -> str:
        """The public half in the answers; empty if not recorded."""
        return self.answer.public

    @property
    def location(self) -> GitLocation:
        """The parsed URL of the repository."""
        return parse_git_url(self.url)


def git_key(answers: Answers, name: str = "gitSshKey") -> GitKey:
    """Return the deploy key with this name in the store; KeyError if there is none."""
    from wizard.secrets.deploy_key import build_comment

    if name in QUESTIONS:
        question, repository = QUESTIONS[name]
        url = str(get_value(answers, tuple(repository.split("."))))
        answer: DeployKey = get_value(answers, tuple(question.split(".")))
    else:
        return _bundle_key(answers, name)
    comment = build_comment(answers.installation.name, repository_label(url))
    return GitKey(name, question, repository, url, answer, comment)


def _bundle_key(answers: Answers, name: str) -> GitKey:
    from wizard.secrets.deploy_key import build_comment
    from wizard.secrets.references import DeployKey

    for one in answers.dags.bundles:
        if one.login is not None and one.fact is not None and one.fact.key == name:
            answer = DeployKey.model_validate(one.login.model_dump())
            comment = build_comment(answers.installation.name, repository_label(one.repo))
            label = f"dags.bundles.{one.name}.login"
            return GitKey(name, "dags.bundles", "dags.bundles", one.repo, answer, comment, label)
    raise KeyError(name)


def find_git_key(answers: Answers, facts: Iterable[Fact]) -> GitKey | None:
    """Return the deploy key among these facts, if any; a store path has at most one deploy key."""
    return next((git_key(answers, fact.key) for fact in facts if fact.key in QUESTIONS), None)


def repository_label(url: str) -> str:
    """Return a repository's host and path, for messages; empty without a URL."""
    if not url:
        return ""
    location = parse_git_url(url)
    return f"{location.host}/{location.path}"
