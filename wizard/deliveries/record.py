"""What a delivery contributes that is pure: questions, rules, settings, files, steps, runbook.

What it does outside, on demand, is in `wizard.deliveries.live`. Its rules over files, where it has
any, are `CHECKS` in its module `checks`, which `wizard.checks.engine` loads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from wizard.errors import Problem
from wizard.manifests.contribution import Contribution, Reader, StepSpec
from wizard.manifests.runbook import DeliveryRunbook
from wizard.manifests.tree import File
from wizard.questions.section import Model

if TYPE_CHECKING:
    from wizard.deliveries.answers import DeliveryAnswers
    from wizard.manifests.release import Release
    from wizard.manifests.runbook import RunbookContext

# A rule across sections over complete answers; every Problem names the key to change.
Rule = Callable[[BaseModel], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A delivery's own files, and the steps that follow the commit, in their order."""

    files: tuple[File, ...] = ()
    steps: tuple[StepSpec, ...] = ()


def _no_settings(delivery: DeliveryAnswers, release: Release) -> Contribution:
    del delivery, release
    return Contribution()


def _no_readers(delivery: DeliveryAnswers, release: Release) -> tuple[Reader, ...]:
    del delivery, release
    return ()


def _no_files(delivery: DeliveryAnswers, release: Release, total: Contribution) -> Rendered:
    del delivery, release, total
    return Rendered()


@dataclass(frozen=True, slots=True)
class DeliveryKind:
    """One delivery: everything pure that is particular to it.

    `label` is the choice's words, `questions` the model at `delivery.<name>`. `urls` are the
    keys of questions whose address is tried while it is typed. `gitops`: a
    controller in the cluster follows the repository, so `apply` writes only what Git cannot
    deliver. `local`: it belongs to a laptop. `creates_namespace`: nobody else creates the
    namespace, so it is a manifest. `settings` are Helm values; `readers` are those who read the
    store for this delivery; `render` gives files and steps. `source_url` is the repository that
    the cluster reads, and `controller_namespace` where the controller runs; empty without one.
    `controller_is_inside`: it deploys into the cluster that it runs in.
    `claims` gets a reader of raw answers and returns what an installation owns, as fields of
    `wizard.plan.claims.Claims`.
    """

    name: str
    label: str
    runbook: Callable[[DeliveryAnswers, Release, RunbookContext], DeliveryRunbook]
    title: str = ""
    questions: type[Model] | None = None
    gitops: bool = False
    local: bool = False
    creates_namespace: bool = False
    settings: Callable[[DeliveryAnswers, Release], Contribution] = _no_settings
    readers: Callable[[DeliveryAnswers, Release], tuple[Reader, ...]] = _no_readers
    render: Callable[[DeliveryAnswers, Release, Contribution], Rendered] = _no_files
    rules: tuple[Rule, ...] = ()
    urls: tuple[str, ...] = ()
    source_url: Callable[[DeliveryAnswers], str] = field(default=lambda _delivery: "")
    controller_namespace: Callable[[DeliveryAnswers], str] = field(default=lambda _delivery: "")
    controller_is_inside: Callable[[DeliveryAnswers], bool] = field(default=lambda _delivery: True)
    claims: Callable[[Callable[[str], str]], Mapping[str, Any]] = field(default=lambda _read: {})
