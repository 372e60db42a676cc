"""What a section is: a page of questions, and what follows from its answers.

A question is a field: `title` is its label, `description` its help, its type and constraints its
validation, and `Ask` says when it applies. A section's `contribute` turns answers into settings,
secrets, flows and files; `render` puts the contributions of all sections together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from wizard.secrets.facts import SecretSpec
from wizard.tree import File

if TYPE_CHECKING:
    from wizard.release import Release
    from wizard.sections import Answers


@dataclass(frozen=True, slots=True)
class Condition:
    """When a question applies: `text` finishes the sentence "asked with ...", `test` decides."""

    text: str
    test: Callable[[Answers], bool]

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"{self.text} and {other.text}", lambda a: self.test(a) and other.test(a))


ALWAYS = Condition("every installation", lambda _answers: True)


@dataclass(frozen=True, slots=True)
class Ask:
    """Annotated metadata of a question that pydantic has no word for.

    `required`: an empty answer is a problem while the question applies. `labels`: what a choice
    means, by value. `asset`: the answer names a public text file that is copied along. `preview`:
    logical id of the file the answer shows in. `source`: where a fact in the help comes from.
    `takes`: the forms of the answer, where its type does not say all of them.
    """

    when: Condition = ALWAYS
    required: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    asset: bool = False
    preview: str = ""
    source: str = ""
    takes: str = ""


class Model(BaseModel):
    """Base of everything in the answers: unknown keys refused, rejected values never echoed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
        # Only the model that is validated is built, once, and only by commands that validate.
        defer_build=True,
    )


@dataclass(frozen=True, slots=True)
class EnvVar:
    """One environment variable of Airflow's own containers: a value, or a key of a Secret."""

    name: str
    value: str = ""
    secret: str = ""
    key: str = ""

    def to_values(self) -> dict[str, object]:
        """The item as the chart's `<component>.env` takes it."""
        if not self.secret:
            return {"name": self.name, "value": self.value}
        ref = {"name": self.secret, "key": self.key}
        return {"name": self.name, "valueFrom": {"secretKeyRef": ref}}


@dataclass(frozen=True, slots=True)
class Mount:
    """A ConfigMap mounted read-only into every Airflow container."""

    name: str
    config_map: str
    path: str


@dataclass(frozen=True, slots=True)
class Flow:
    """One outgoing connection Airflow needs; becomes an egress rule and a runbook line.

    `components` are the chart's component labels that open it; empty means all of them.
    """

    purpose: str
    host: str
    port: int
    components: tuple[str, ...] = ()
    protocol: Literal["TCP", "UDP"] = "TCP"


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """Something that has to happen outside Git after the commit, and who may do it."""

    id: str
    title: str
    owner: Literal["me", "vault", "dba", "platform", "ci"]


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody besides Airflow who reads the store: one Secret, from a path that is theirs alone.

    `id` is a word, `name` what the objects in `namespace` are called. Empty `path`, `role` and
    `auth_mount` follow from those of the installation.
    """

    id: str
    name: str
    namespace: str
    secret: SecretSpec
    path: str = ""
    role: str = ""
    auth_mount: str = ""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one section adds to the installation.

    `settings` maps wizard-level ids (the keys of chart 1.22.0) to values; `comments` explains
    some of them in one line. `manifests` are objects for the secrets folder that kustomization
    lists; `files` stand elsewhere in the repository. `notes` are parts of the runbook, Markdown
    with a heading of their own.
    """

    settings: Mapping[str, object] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[SecretSpec, ...] = ()
    readers: tuple[Reader, ...] = ()
    env: tuple[EnvVar, ...] = ()
    mounts: tuple[Mount, ...] = ()
    flows: tuple[Flow, ...] = ()
    manifests: tuple[File, ...] = ()
    files: tuple[File, ...] = ()
    actions: tuple[PlannedAction, ...] = ()
    existing_secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Section(Model):
    """One page of questions. Subclasses set `title` and `intro` and declare fields."""

    title: ClassVar[str]
    intro: ClassVar[str]
    preview: ClassVar[str] = "values"
    asked: ClassVar[bool] = True

    @classmethod
    def applies(cls, answers: Answers) -> bool:
        """Whether the page is shown and its answers count; by default always."""
        del answers
        return True

    def contribute(self, release: Release) -> Contribution:
        """What follows from this section's answers; pure."""
        del release
        return Contribution()

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """What follows from everybody's contributions: files made of them all; pure.

        Called in the order of the sections; `total` includes what earlier sections composed.
        """
        del release, total
        return Contribution()


class ContributionClashError(Exception):
    """Two sections set one thing: a bug in a section, never an operator's mistake."""


def combine(parts: Iterable[Contribution]) -> Contribution:
    """All contributions as one, in the order of the sections.

    Raises ContributionClashError when two of them set the same key, or a key and its parent.
    """
    parts = list(parts)
    settings: dict[str, object] = {}
    below: dict[str, str] = {}  # every parent of a key that is set, with that key
    for part in parts:
        for key, value in part.settings.items():
            parents = _parents(key)
            clash = next((old for old in (key, *parents) if old in settings), below.get(key))
            if clash is not None:
                raise ContributionClashError(f"{key} and {clash} are set by two sections")
            settings[key] = value
            below.update(dict.fromkeys(parents, key))
    existing: dict[str, tuple[str, ...]] = {}
    for part in parts:
        existing.update(part.existing_secrets)
    return Contribution(
        settings=settings,
        comments={key: text for part in parts for key, text in part.comments.items()},
        secrets=tuple(item for part in parts for item in part.secrets),
        readers=tuple(item for part in parts for item in part.readers),
        env=tuple(item for part in parts for item in part.env),
        mounts=tuple(item for part in parts for item in part.mounts),
        flows=tuple(item for part in parts for item in part.flows),
        manifests=tuple(item for part in parts for item in part.manifests),
        files=tuple(item for part in parts for item in part.files),
        actions=tuple(item for part in parts for item in part.actions),
        existing_secrets=existing,
        notes=tuple(item for part in parts for item in part.notes),
    )


def _parents(key: str) -> list[str]:
    parts = key.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]
