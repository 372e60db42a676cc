"""Contributions: what sections add to an installation, and how they are combined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from wizard.chart.images import Image
from wizard.manifests.tree import File
from wizard.secrets.facts import SecretSpec, Template


@dataclass(frozen=True, slots=True)
class EnvVar:
    """One environment variable of Airflow's own containers.

    It has a value, a key of a Secret, or a field of the pod such as `status.hostIP`.

    `components` are the chart's labels of the components that get it; empty means all.
    """

    name: str
    value: str = ""
    secret: str = ""
    key: str = ""
    components: tuple[str, ...] = ()
    field: str = ""

    def to_values(self) -> dict[str, object]:
        """Return the item in the form of the chart's `<component>.env`."""
        if self.field:
            return {"name": self.name, "valueFrom": {"fieldRef": {"fieldPath": self.field}}}
        if not self.secret:
            return {"name": self.name, "value": self.value}
        ref = {"name": self.secret, "key": self.key}
        return {"name": self.name, "valueFrom": {"secretKeyRef": ref}}

    def to_reference(self) -> dict[str, object]:
        """Return a variable from a Secret in the form of the chart's `secret`."""
        return {"envName": self.name, "secretName": self.secret, "secretKey": self.key}


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume, mounted read-only into every Airflow container.

    It is a ConfigMap, else a Secret, else a token of the pod's ServiceAccount for `audience`.
    """

    name: str
    config_map: str = ""
    path: str = ""
    secret: str = ""
    audience: str = ""

    def to_volume(self) -> dict[str, object]:
        """Return the volume in the form of the chart's `volumes`."""
        if self.audience:
            token = {"audience": self.audience, "expirationSeconds": 3600, "path": "token"}
            return {"name": self.name, "projected": {"sources": [{"serviceAccountToken": token}]}}
        if self.secret:
            return {"name": self.name, "secret": {"secretName": self.secret}}
        return {"name": self.name, "configMap": {"name": self.config_map}}


@dataclass(frozen=True, slots=True)
class Flow:
    """One outgoing connection that Airflow needs; it becomes an egress rule.

    `components` are the chart's labels of the components that open it; empty means all. If it is
    `complete`, no other component opens it, although all of them have its address. `network` is
    the only network (CIDR) that the rule opens the port of.
    """

    purpose: str
    host: str
    port: int
    components: tuple[str, ...] = ()
    protocol: Literal["TCP", "UDP"] = "TCP"
    complete: bool = False
    network: str = ""


# The port of an API server whose address is not known: kubeadm's, kind's and minikube's default.
KUBERNETES_PORT = 6443


@dataclass(frozen=True, slots=True)
class Link:
    """One connection in the overview: `source` connects to `target`, at `host`, on a port.

    All are names for people; `host` and `purpose` may be empty.
    """

    source: str
    target: str
    host: str
    port: int
    purpose: str = ""
    protocol: Literal["TCP", "UDP"] = "TCP"


# `StepSpec.follows` of a step that only a change of the step itself needs again.
ONCE: tuple[str, ...] = ()


Owner = Literal["me", "vault", "dba", "platform", "ci"]
# When the next steps of a first installation come, in this order: values in the store, keys at the
# Git hosts, the branch, what others prepare, the installation, and the waits until it runs.
Phase = Literal["values", "keys", "branch", "prepare", "install", "run"]


@dataclass(frozen=True, slots=True)
class StepGroup:
    """Steps that are done together, by one command: a next step of the user.

    A `command` of airflow-wizard gets the installation's name as an option; empty if no command
    does the steps.
    """

    id: str
    title: str
    owner: Owner
    phase: Phase
    command: str = ""


@dataclass(frozen=True, slots=True)
class StepSpec:
    """A step outside Git that follows the commit, and its owner.

    `follows` are beginnings of what the step carries out: logical ids of files, `values#KEY` for a
    Helm value, `fact#KEY` for a secret value, `secret#NAME` for a Secret composed of values, and
    `consequence#NAME`. A later change needs the step
    only if it changes one of them (or the step itself). The empty beginning stands for any change.
    `group` is the next step that it belongs to (None: that of the delivery, see
    `wizard.deliveries.record`). `proven_by` is the id of the step that can only hold if this one
    does, for states that the wizard cannot read itself.
    """

    id: str
    title: str
    owner: Owner
    follows: tuple[str, ...] = ("",)
    group: StepGroup | None = None
    proven_by: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader of the store besides Airflow: it reads one Secret from its own path.

    `id` is a short word, `name` the name of its objects in `namespace`, and `files` the prefix of
    the logical ids of its files. `answers` are the answers to the store's questions about readers.
    `removal` is the id of the step that removes its objects from the cluster.
    """

    id: str
    name: str
    namespace: str
    secret: SecretSpec
    files: str
    answers: object = None
    removal: str = ""


@dataclass(frozen=True, slots=True)
class NeededKey:
    """One key of a Secret that others make for the installation.

    `content` is what the key must hold, with a fact for each secret part of it. `purpose` says
    what reads it, and `question` is the answer that names it.
    """

    secret: str
    key: str
    content: Template
    purpose: str
    question: str


@dataclass(frozen=True, slots=True)
class EncryptedFile:
    """A file that `airflow-wizard secrets` encrypts into the repository; it is never rendered.

    `recipients` are the public keys that it must be encrypted for. `secret` is the Secret that it
    holds, with `keys`; empty for the values that the Secrets are composed from. `composition`
    identifies the answers' part of the Secret: everything but the values.
    """

    logical: str
    path: str
    recipients: tuple[str, ...]
    secret: str = ""
    keys: tuple[str, ...] = ()
    composition: str = ""


@dataclass(frozen=True, slots=True)
class ImageName:
    """An own image of Airflow, as the answers name it."""

    repository: str
    tag: str


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one section adds to the installation.

    `settings` maps wizard-level ids (the keys of chart 1.22.0) to values; `comments` explains
    some of them in one line. `existing_secrets` are made by others, with their keys (none: not
    known), and `needed` are the keys that Airflow itself reads there; `pull_secrets` are the names
    of those that pods pull images with. `existing_maps` are ConfigMaps that others make.
    `packages` are Python packages that the image must have,
    and `images` container images that no Helm value and no manifest names, or whose source only the
    section knows.
    `manifests` are objects in the secrets folder, which
    kustomization lists; `files` are in other folders of the repository. `encrypted` are files that
    hold secret values, encrypted, and are committed with them. `notes` are sections of
    the runbook, Markdown with a heading. `cluster_kinds` are those of manifests outside a
    namespace, as API group and kind. `values` are the Helm values in effect, with those of the
    answers' `values:`; only the total that `Section.compose` gets has them.
    """

    settings: Mapping[str, object] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[SecretSpec, ...] = ()
    readers: tuple[Reader, ...] = ()
    env: tuple[EnvVar, ...] = ()
    mounts: tuple[Mount, ...] = ()
    flows: tuple[Flow, ...] = ()
    links: tuple[Link, ...] = ()
    manifests: tuple[File, ...] = ()
    files: tuple[File, ...] = ()
    encrypted: tuple[EncryptedFile, ...] = ()
    steps: tuple[StepSpec, ...] = ()
    existing_secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    needed: tuple[NeededKey, ...] = ()
    pull_secrets: tuple[str, ...] = ()
    existing_maps: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    notes: tuple[str, ...] = ()
    cluster_kinds: tuple[tuple[str, str], ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    image: ImageName | None = None


# Lists of variables that sections write together; the first one to set a name wins.
_JOINED_LISTS = frozenset({"dags.gitSync.env"})


class ContributionClashError(Exception):
    """Two sections set the same key: a bug in a section, not a mistake of the user."""


def combine_contributions(parts: Iterable[Contribution]) -> Contribution:
    """Combine contributions into one, in the order of the sections.

    Raises ContributionClashError if two of them set the same key, or a key and its parent, unless
    the key is a list that they write together.
    """
    parts = list(parts)
    settings: dict[str, object] = {}
    below: dict[str, str] = {}  # by parent key: a key below it that is set
    for part in parts:
        for key, value in part.settings.items():
            if key in _JOINED_LISTS and key in settings:
                settings[key] = _join_variables(settings[key], value)
                continue
            parents = _parent_keys(key)
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
        links=tuple(item for part in parts for item in part.links),
        manifests=tuple(item for part in parts for item in part.manifests),
        files=tuple(item for part in parts for item in part.files),
        encrypted=tuple(item for part in parts for item in part.encrypted),
        steps=tuple(item for part in parts for item in part.steps),
        existing_secrets=existing,
        needed=tuple(item for part in parts for item in part.needed),
        pull_secrets=tuple(dict.fromkeys(name for part in parts for name in part.pull_secrets)),
        existing_maps=tuple(item for part in parts for item in part.existing_maps),
        packages=tuple(dict.fromkeys(name for part in parts for name in part.packages)),
        images=tuple(item for part in parts for item in part.images),
        notes=tuple(item for part in parts for item in part.notes),
        cluster_kinds=tuple(dict.fromkeys(item for part in parts for item in part.cluster_kinds)),
        values=next((part.values for part in parts if part.values), {}),
        image=next((part.image for part in parts if part.image), None),
    )


def _join_variables(first: Any, more: Any) -> list[dict[str, object]]:
    taken = {item["name"] for item in first}
    return [*first, *(item for item in more if item["name"] not in taken)]


def _parent_keys(key: str) -> list[str]:
    parts = key.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]
