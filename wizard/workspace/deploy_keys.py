"""The deploy keys of an installation: each with its question and its repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
    def step(self) -> str:
        """The id of the step that registers the key."""
        if self.label:
            return f"dags.register-key-{self.label.split('.')[2]}"
        return "dags.register-key" if self.question == "dags.key" else "argocd.register-key"

    @property
    def short_name(self) -> str:
        """The name of what is read with the key: the question, or the bundle."""
        return self.label.replace("dags.bundles.", "bundle ").removesuffix(".login") or (
            self.repository
        )

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

    if name not in QUESTIONS:
        return next(one for one in _list_bundle_keys(answers, name))
    question, repository = QUESTIONS[name]
    url = str(get_value(answers, tuple(repository.split("."))))
    answer: DeployKey = get_value(answers, tuple(question.split(".")))
    comment = build_comment(answers.installation.name, repository_label(url))
    return GitKey(name, question, repository, url, answer, comment)


def _list_bundle_keys(answers: Answers, name: str = "") -> Iterator[GitKey]:
    """Yield the deploy keys of the bundles; with a name, that one, or KeyError."""
    from wizard.secrets.deploy_key import build_comment

    found = False
    for one in answers.dags.bundles:
        if one.login is None or one.fact is None or (name and one.fact.key != name):
            continue
        if one.is_over_ssh or name:
            found = True
            comment = build_comment(answers.installation.name, repository_label(one.repo))
            label, key = f"dags.bundles.{one.name}.login", one.fact.key
            yield GitKey(key, "dags.bundles", "dags.bundles", one.repo, one.login, comment, label)
    if name and not found:
        raise KeyError(name)


def list_git_keys(answers: Answers) -> list[GitKey]:
    """Return the deploy keys whose public half the answers record: the bundles' generated ones."""
    bundles = [
        one for one in _list_bundle_keys(answers) if one.answer.kind == "generate" or one.public
    ]
    return [*(git_key(answers, name) for name in QUESTIONS), *bundles]


def list_dag_keys(answers: Answers) -> list[GitKey]:
    """Return the keys with which pods clone over SSH: that of dags.repo, then the bundles'."""
    dags = answers.dags
    own = [git_key(answers)] if dags.is_over_ssh else []
    return [*own, *(_list_bundle_keys(answers) if dags.source == "bundle" else ())]


def has_public_keys(answers: Answers) -> bool:
    """Return whether the public halves of all keys with which pods clone are recorded."""
    return all(one.public for one in list_dag_keys(answers))


def with_git_key(answers: Answers, key: GitKey, answer: DeployKey) -> Answers:
    """Return the answers with another answer about this deploy key."""
    from wizard.answers.files import with_value

    if not key.label:
        return with_value(answers, tuple(key.question.split(".")), answer)
    bundles = [
        one.model_copy(update={"login": answer}) if one.fact and one.fact.key == key.fact else one
        for one in answers.dags.bundles
    ]
    return with_value(answers, ("dags", "bundles"), bundles)


def raw_with_public(answers: Answers, raw: object, key: GitKey, public: str) -> object:
    """Return the raw answer to the question of a key, with this public half of the key.

    `raw` is the raw answer in `answers`: a reference, or the list of bundles.
    """
    if not key.label:
        reference = raw if isinstance(raw, Mapping) else {"generate": True}
        return {**reference, "public": public}
    listed = raw if isinstance(raw, list) else []
    return [
        {**one, "login": {**one["login"], "public": public}}
        if bundle.fact and bundle.fact.key == key.fact
        else one
        for one, bundle in zip(listed, answers.dags.bundles, strict=True)
    ]


def find_git_key(answers: Answers, facts: Iterable[Fact]) -> GitKey | None:
    """Return the deploy key of a repository among these facts, apart from the bundles' keys.

    A store path has at most one.
    """
    return next((git_key(answers, fact.key) for fact in facts if fact.key in QUESTIONS), None)


def repository_label(url: str) -> str:
    """Return a repository's host and path, for messages; empty without a URL."""
    if not url:
        return ""
    location = parse_git_url(url)
    return f"{location.host}/{location.path}"
