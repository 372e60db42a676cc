"""What a store contributes that is pure: questions, rules, files, claims, its part of the runbook.

What it does outside, on demand, is in `wizard.stores.live`. Its rules over files, where it has any,
are `CHECKS` in its module `checks`, which `wizard.checks.engine` loads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from wizard.errors import Problem
from wizard.manifests.contribution import Contribution, Reader
from wizard.manifests.external_secrets import StoreSettings
from wizard.manifests.runbook import StoreRunbook
from wizard.questions.section import Model

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers

# A rule across sections over complete answers; every Problem names the key to change.
Rule = Callable[[BaseModel], Iterator[Problem]]


def _no_files(secrets: SecretsAnswers, release: Release, total: Contribution) -> Contribution:
    del secrets, release, total
    return Contribution()


def _no_runbook(release: Release, total: Contribution) -> StoreRunbook:
    del release, total
    return StoreRunbook()


@dataclass(frozen=True, slots=True)
class StoreKind:
    """One store: everything pure that is particular to it.

    `label` is the choice's words. `questions` is the model at `secrets.<name>`, and
    `reader_questions` what is asked where somebody besides Airflow reads a path of this store;
    `urls` are the keys of questions whose address is tried while it is typed.

    `external_secrets`: the External Secrets Operator copies its values into the cluster; then
    `settings` and `reader_settings` say what its objects must agree on. `fillable`:
    `airflow-wizard secrets` can create values there. `local_only`: it belongs to a laptop.
    `made_by_hand`: the runbook's commands make the Secrets, so the tree has none of them;
    `generated_only`: and they generate every value, so that none can be given.

    `place` returns path and server of an installation's payload, for people. `claims` gets a
    reader of raw answers and returns what an installation owns there, as fields of
    `wizard.plan.claims.Claims`.
    """

    name: str
    label: str
    title: str = ""
    questions: type[Model] | None = None
    reader_questions: type[Model] | None = None
    external_secrets: bool = False
    fillable: bool = False
    local_only: bool = False
    made_by_hand: bool = False
    generated_only: bool = False
    settings: Callable[[SecretsAnswers, Release], StoreSettings] | None = None
    reader_settings: Callable[[SecretsAnswers, Release, Reader], StoreSettings] | None = None
    compose: Callable[[SecretsAnswers, Release, Contribution], Contribution] = _no_files
    rules: tuple[Rule, ...] = ()
    urls: tuple[str, ...] = ()
    runbook: Callable[[Release, Contribution], StoreRunbook] = _no_runbook
    place: Callable[[SecretsAnswers, str], tuple[str, str]] = field(default=lambda *_: ("", ""))
    claims: Callable[[Callable[[str], str]], Mapping[str, Any]] = field(default=lambda _read: {})
