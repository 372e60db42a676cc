"""The record of the store sops: values in Git, encrypted with age."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.manifests.contribution import Contribution
from wizard.stores.record import StoreKind
from wizard.stores.sops.questions import NAME, RECIPIENTS_KEY, SopsStore
from wizard.stores.sops.runbook import render_files_note, sops_runbook
from wizard.stores.sops.settings import describe_place, list_encrypted_files, payload_place
from wizard.stores.sops.steps import SECRETS

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers


def _compose(secrets: SecretsAnswers, release: Release, total: Contribution) -> Contribution:
    return Contribution(
        encrypted=list_encrypted_files(secrets, release, total),
        steps=(SECRETS,),
        notes=(render_files_note(secrets, release, total),),
    )


STORE = StoreKind(
    name=NAME,
    label="Encrypted in Git with SOPS and age",
    title="SOPS",
    questions=SopsStore,
    fillable=True,
    composes_secrets=True,
    payload=payload_place,
    compose=_compose,
    trusted_keys=RECIPIENTS_KEY,
    runbook=sops_runbook,
    place=describe_place,
)
