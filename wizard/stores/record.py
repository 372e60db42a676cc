"""The pure part of a store: questions, rules, files, claims, and its part of the runbook.

Its live part is described in `wizard.stores.live`. Its checks of files, if any, are `CHECKS` in its
module `checks`, which `wizard.checks.engine` loads.
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
from wizard.secrets.payload import PayloadPlace

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers

# A rule checks complete answers across sections; every Problem names the key to change.
Rule = Callable[[BaseModel], Iterator[Problem]]


def _no_files(secrets: SecretsAnswers, release: Release, total: Contribution) -> Contribution:
    del secrets, release, total
    return Contribution()


def _as_composed(secrets: SecretsAnswers, release: Release, total: Contribution) -> Contribution:
    del secrets, release
    return total


def _no_runbook(release: Release, total: Contribution) -> StoreRunbook:
    del release, total
    return StoreRunbook()


@dataclass(frozen=True, slots=True)
class StoreKind:
    """The pure part of one store.

    `label` is the label of the choice. `questions` is the model at `secrets.<name>`, and
    `reader_questions` the model for another reader of the store, such as Argo CD. `urls` are the
    keys of questions whose address is tested while the user types.

    `external_secrets`: the External Secrets Operator copies the values to the cluster; `settings`
    and `reader_settings` then return the settings that its objects share. `has_documents`: the
    payload may be one YAML document. `has_cluster_scope`: one store may serve several namespaces,
    with the operator's own account. `fillable`:
    `airflow-wizard secrets` can create values in the store; without External Secrets, `payload`
    returns where they are. `composes_secrets`: it makes the Secrets from them too, so that Airflow
    has Secrets which the tree does not have. `in_namespace`: the values are in Airflow's namespace,
    and are lost with it.
    `made_by_others`: somebody else makes the Secrets, so no value is given or generated.
    `needs_public_issuer`: it lets in only clusters whose issuer of tokens the Internet can read.
    `serves_backend`: the same server is asked if it is Airflow's secrets backend too.

    `defaulted` are fields that some versions of the operator add to the store's object, as kind and
    jq path: Argo CD ignores them.

    `server_key` is the question whose answer names the server that logins and values are sent to,
    and `trusted_keys` the one whose answer lists the public keys that values are encrypted for:
    each needs a yes of its own, as KEY.PUBLIC-KEY.

    `adapt` gets the contributions of all sections, and returns them with the Secrets that this
    store has in their place. `outline` returns manifests of these Secrets, without values.

    `place` returns path and server of an installation's payload, for messages. `claims` gets a
    function that reads raw answers, and returns what an installation owns in the store, as fields
    of `wizard.plan.claims.Claims`; `reader_claims` does so for another reader, by its id.
    """

    name: str
    label: str
    title: str = ""
    questions: type[Model] | None = None
    reader_questions: type[Model] | None = None
    external_secrets: bool = False
    has_documents: bool = False
    has_cluster_scope: bool = False
    fillable: bool = False
    composes_secrets: bool = False
    in_namespace: bool = False
    made_by_others: bool = False
    needs_public_issuer: bool = False
    serves_backend: bool = False
    payload: Callable[[SecretsAnswers, Release], PayloadPlace] | None = None
    settings: Callable[[SecretsAnswers, Release], StoreSettings] | None = None
    reader_settings: Callable[[SecretsAnswers, Release, Reader], StoreSettings] | None = None
    adapt: Callable[[SecretsAnswers, Release, Contribution], Contribution] = _as_composed
    compose: Callable[[SecretsAnswers, Release, Contribution], Contribution] = _no_files
    outline: Callable[[Release, Contribution], str] | None = None
    rules: tuple[Rule, ...] = ()
    urls: tuple[str, ...] = ()
    server_key: str = ""
    trusted_keys: str = ""
    defaulted: tuple[tuple[str, str], ...] = ()
    runbook: Callable[[Release, Contribution], StoreRunbook] = _no_runbook
    place: Callable[[SecretsAnswers, str], tuple[str, str]] = field(default=lambda *_: ("", ""))
    claims: Callable[[Callable[[str], str]], Mapping[str, Any]] = field(default=lambda _read: {})
    reader_claims: Callable[[Callable[[str], str], str], Mapping[str, Any]] = field(
        default=lambda *_: {}
    )
