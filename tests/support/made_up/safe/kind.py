"""A made-up store: a safe, whose values External Secrets' webhook provider would read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from wizard.errors import Problem
from wizard.formats.address_types import HostName
from wizard.formats.nested import get_value
from wizard.manifests.contribution import Contribution, StepSpec
from wizard.manifests.external_secrets import StoreSettings, external_secret, secret_store
from wizard.manifests.runbook import StoreRunbook
from wizard.questions.conditions import when
from wizard.questions.section import Model, QuestionInfo
from wizard.stores.record import StoreKind

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers

SAFE = when("a safe", "secrets.store", "safe")
FILL = StepSpec("safe.fill", "Put the values into the safe", "me")


class SafeQuestions(Model):
    """Where the safe stands."""

    host: Annotated[HostName, QuestionInfo(when=SAFE, required=True)] = Field(
        default="", title="Host", description="Address of the safe."
    )
    shelf: int = Field(default=1, title="Shelf", description="Which shelf of the safe.")


def settings(secrets: SecretsAnswers, release: Release) -> StoreSettings:
    own = secrets.answers_of("safe", SafeQuestions)
    return StoreSettings(
        name=f"safe-{release.installation}",
        kind="SecretStore",
        mount=own.host,
        path=f"shelf-{own.shelf}",
        service_account="safe",
        account_namespace=release.namespace,
        document=False,
        refresh_interval=secrets.refresh_interval,
    )


def compose(secrets: SecretsAnswers, release: Release, total: Contribution) -> Contribution:
    store = settings(secrets, release)
    provider = {"webhook": {"url": f"https://{store.mount}/{store.path}"}}
    return Contribution(
        manifests=(
            secret_store(release, store, provider),
            *(external_secret(release, store, one) for one in total.secrets),
        ),
        steps=(FILL,),
    )


def check_shelf(answers: BaseModel) -> Iterator[Problem]:
    if get_value(answers, ("secrets", "safe", "shelf")) > 9:
        yield Problem("secrets.safe.shelf", "give 1 to 9: the safe has nine shelves")


def runbook(release: Release, total: Contribution) -> StoreRunbook:
    return StoreRunbook(validate=("knock on the safe",), rotate="Change the lock.")


STORE = StoreKind(
    name="safe",
    label="a safe",
    title="Safe",
    questions=SafeQuestions,
    external_secrets=True,
    settings=settings,
    reader_settings=lambda secrets, release, _reader: settings(secrets, release),
    compose=compose,
    rules=(check_shelf,),
    runbook=runbook,
)
