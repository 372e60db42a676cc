"""The pure part of a delivery: questions, rules, settings, files, steps, and its runbook part.

Its live part is described in `wizard.deliveries.live`. Its checks of files, if any, are `CHECKS` in
its module `checks`, which `wizard.checks.engine` loads.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from wizard.errors import Problem
from wizard.manifests.contribution import Contribution, Link, Reader, StepGroup, StepSpec
from wizard.manifests.runbook import DeliveryRunbook
from wizard.manifests.steps import APPLY
from wizard.manifests.tree import File
from wizard.questions.section import Model

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.prerequisites import Prerequisite
    from wizard.manifests.release import Release
    from wizard.manifests.runbook import RunbookContext
    from wizard.manifests.transformations import Manifest

# A rule checks complete answers across sections; every Problem names the key to change.
Rule = Callable[[BaseModel], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class Rendered:
    """The files of a delivery, its steps after the commit in order, and its connections."""

    files: tuple[File, ...] = ()
    steps: tuple[StepSpec, ...] = ()
    links: tuple[Link, ...] = ()


def _no_settings(delivery: DeliveryAnswers, release: Release) -> Contribution:
    del delivery, release
    return Contribution()


def _no_readers(delivery: DeliveryAnswers, release: Release) -> tuple[Reader, ...]:
    del delivery, release
    return ()


def _apply_group(delivery: DeliveryAnswers, release: Release) -> StepGroup:
    del delivery, release
    return StepGroup("install", "Install Airflow", "me", "install", APPLY)


def _no_files(delivery: DeliveryAnswers, release: Release, total: Contribution) -> Rendered:
    del delivery, release, total
    return Rendered()


@dataclass(frozen=True, slots=True)
class Place:
    """Where an installation is, for what may deploy it a second time.

    `values`, `manifests` and `applications` are paths from the root of the Git repository. With a
    `release`, only the chart's release of this name counts in the namespace.
    """

    values: str
    namespace: str
    manifests: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    release: str = ""

    @property
    def folder(self) -> str:
        """Return the folder of the values and the manifests."""
        return posixpath.dirname(self.values)


class FindRivals(Protocol):
    """Finds the files, among those that were indexed, that deploy an installation too."""

    def __call__(self, place: Place, own: Iterable[bytes]) -> frozenset[str]:
        """Return the paths; `own` are the rendered files of the delivery that deploy it."""


@dataclass(frozen=True, slots=True)
class RivalSearch:
    """How to find committed files of others that deploy an installation of ours too.

    `marks` are texts that every such file contains. `index` reads these files, by path from the
    root of the repository, once for all installations.
    """

    marks: tuple[str, ...]
    index: Callable[[Mapping[str, bytes]], FindRivals]


class FindEdits(Protocol):
    """Finds edits by hand that may not be kept in a file of the delivery."""

    def __call__(
        self,
        logical: str,
        data: bytes,
        rendered: bytes,
        *,
        values: bytes | None,
        objects: Sequence[Manifest],
    ) -> Iterator[tuple[str, str]]:
        """Yield place and consequence of each edit of the file with this logical id.

        `data` is the edited file and `rendered` the file as rendered. `values` is the values file
        of the repository, `objects` are the manifests. Other files have no such edits.
        """


def _no_edits(
    logical: str,
    data: bytes,
    rendered: bytes,
    *,
    values: bytes | None,
    objects: Sequence[Manifest],
) -> Iterator[tuple[str, str]]:
    del logical, data, rendered, values, objects
    return iter(())


@dataclass(frozen=True, slots=True)
class DeliveryKind:
    """The pure part of one delivery.

    `label` is the label of the choice, and `questions` the model at `delivery.<name>`. `urls` are
    the keys of questions whose address is tested while the user types. `gitops`: a controller in
    the cluster follows the repository, so `apply` writes only what Git cannot deliver. `local`: for
    local clusters only. `creates_namespace`: the delivery does not create the namespace itself, so
    the namespace is a manifest. `has_image_values`: the tag of an own image is in a values file of
    its own, which the image pipeline changes and the wizard only reads. `prerequisites` are the
    programs that it needs in a cluster.

    `settings` returns Helm values, `readers` the other readers of the store, and `render` files
    and steps. `group` returns the next step of all steps that have no group of their own;
    `fills_store`: its command creates the values in the store too. `source_url` returns the
    repository that the cluster reads, and `controller_namespace` the namespace of the controller;
    both may be empty.
    `controller_is_inside`: the controller deploys to its own cluster. `claims` gets a function that
    reads raw answers, and returns what an installation owns, as fields of
    `wizard.plan.claims.Claims`. `release_labels` are further labels of the
    Helm release, as NAME=VALUE. `find_edits` finds edits of its files that may not be kept.
    `rivals` returns how to find files that deploy an installation a second time; None: nothing in
    the repository could. `known_hosts` is the logical id of a rendered file that has only lines of
    known_hosts; empty if there is none.
    """

    name: str
    label: str
    runbook: Callable[[DeliveryAnswers, Release, RunbookContext], DeliveryRunbook]
    title: str = ""
    questions: type[Model] | None = None
    gitops: bool = False
    local: bool = False
    prerequisites: Callable[[DeliveryAnswers], tuple[Prerequisite, ...]] = field(
        default=lambda _delivery: ()
    )
    creates_namespace: bool = False
    has_image_values: bool = False
    settings: Callable[[DeliveryAnswers, Release], Contribution] = _no_settings
    readers: Callable[[DeliveryAnswers, Release], tuple[Reader, ...]] = _no_readers
    render: Callable[[DeliveryAnswers, Release, Contribution], Rendered] = _no_files
    group: Callable[[DeliveryAnswers, Release], StepGroup] = _apply_group
    fills_store: bool = False
    rules: tuple[Rule, ...] = ()
    urls: tuple[str, ...] = ()
    source_url: Callable[[DeliveryAnswers], str] = field(default=lambda _delivery: "")
    controller_namespace: Callable[[DeliveryAnswers], str] = field(default=lambda _delivery: "")
    controller_is_inside: Callable[[DeliveryAnswers], bool] = field(default=lambda _delivery: True)
    claims: Callable[[Callable[[str], str]], Mapping[str, Any]] = field(default=lambda _read: {})
    release_labels: Callable[[Release], tuple[str, ...]] = field(default=lambda _release: ())
    find_edits: FindEdits = _no_edits
    rivals: Callable[[], RivalSearch | None] = field(default=lambda: None)
    known_hosts: str = ""
