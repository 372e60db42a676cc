"""The record of the store existing: Secrets that somebody else makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.contribution import Contribution
from wizard.manifests.runbook import StoreRunbook
from wizard.stores.existing.contribution import name_existing_secrets, secrets_step
from wizard.stores.existing.outline import render_contents, render_outline
from wizard.stores.existing.questions import NAME, ExistingSecrets
from wizard.stores.existing.rules import check_bundle_connections, check_distinct_keys
from wizard.stores.record import StoreKind

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers


def _compose(secrets: SecretsAnswers, release: Release, total: Contribution) -> Contribution:
    del secrets
    return Contribution(steps=(secrets_step(),), notes=(render_contents(release, total),))


def _runbook(release: Release, total: Contribution) -> StoreRunbook:
    names = " ".join(dict.fromkeys(one.secret for one in total.needed))
    problems = [("pod has CreateContainerConfigError", "the Secret or key that its event names")]
    if any(one.question.startswith(f"secrets.{NAME}.metadata_direct.") for one in total.needed):
        problems += [
            ("Airflow ignores PgBouncer", "host of the metadata URL: it must be PgBouncer")
        ]
    look = f"kubectl -n {release.namespace} get secret {names}"
    return StoreRunbook(
        made_by_others=True,
        wait=(look,),
        validate=(look,),
        rotate="Have whoever makes a Secret change its value.",
        problems=tuple(problems),
    )


STORE = StoreKind(
    name=NAME,
    label="Secrets that others make",
    title="Existing Secrets",
    questions=ExistingSecrets,
    made_by_others=True,
    adapt=name_existing_secrets,
    compose=_compose,
    outline=render_outline,
    rules=(check_distinct_keys, check_bundle_connections),
    runbook=_runbook,
)
