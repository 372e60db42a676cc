"""The record of the store kubernetes: Secrets that the wizard makes in the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.contribution import Contribution
from wizard.stores.kubernetes.rules import check_values_secret
from wizard.stores.kubernetes.runbook import kubernetes_runbook, render_values_note
from wizard.stores.kubernetes.settings import NAME, describe_place, payload_place
from wizard.stores.kubernetes.steps import SECRETS
from wizard.stores.record import StoreKind

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers


def _compose(secrets: SecretsAnswers, release: Release, total: Contribution) -> Contribution:
    del secrets
    return Contribution(steps=(SECRETS,), notes=(render_values_note(release, total),))


STORE = StoreKind(
    name=NAME,
    label="Secrets created in the cluster",
    title="Kubernetes Secrets",
    fillable=True,
    composes_secrets=True,
    in_namespace=True,
    payload=payload_place,
    compose=_compose,
    rules=(check_values_secret,),
    runbook=kubernetes_runbook,
    place=describe_place,
)
