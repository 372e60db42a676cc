"""The steps at AWS: id, title and owner. `apply` changes nothing there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.contribution import StepGroup, StepSpec
from wizard.manifests.steps import SECRETS, SECRETS_WAIT

if TYPE_CHECKING:
    from wizard.stores.aws.settings import AwsSettings

_HANDOVER = "airflow-wizard handover"
_FILL = StepGroup(
    "aws.fill", "Create the missing values in Secrets Manager", "me", "values", SECRETS
)


def _proof(store: AwsSettings) -> str:
    """Return the step that cannot hold without those of a prefix; only the own one has such."""
    return "" if store.reader else SECRETS_WAIT.id


def trust_step(store: AwsSettings) -> StepSpec:
    """Return the step that lets the ServiceAccount take the role."""
    title = f"Let {store.account_namespace}/{store.service_account} use {store.role_arn}"
    follows = ("secrets/service-account", "argocd/bootstrap/credential-account")
    name = f"aws.{store.qualified_name('trust')}"
    group = StepGroup(name, title, "platform", "prepare", f"{_HANDOVER} --owner platform")
    return StepSpec(name, title, "platform", follows, group, _proof(store))


def access_step(store: AwsSettings) -> StepSpec:
    """Return the step that lets the role read the secrets."""
    title = f"Let {store.role_arn} read {store.path}/*"
    name = f"aws.{store.qualified_name('access')}"
    group = StepGroup(name, title, "vault", "prepare", f"{_HANDOVER} --owner vault")
    return StepSpec(name, title, "vault", ("secrets/store",), group, _proof(store))


def payload_step(store: AwsSettings) -> StepSpec:
    """Return the step that fills the store; `airflow-wizard secrets` does it."""
    title = f"Fill {store.place}"
    return StepSpec(
        f"aws.{store.qualified_name('payload')}", title, "me", ("fact#",), _FILL, _proof(store)
    )
