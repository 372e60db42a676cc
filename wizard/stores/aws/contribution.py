"""The files and steps of the store aws: store, ServiceAccount, ExternalSecrets and guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.formats.addresses import read_url_address
from wizard.manifests.account_guard import GUARD_STEP, account_guard
from wizard.manifests.contribution import Contribution, Link, StepSpec
from wizard.manifests.external_secrets import (
    OPERATOR,
    external_secret,
    secret_store,
    service_account,
)
from wizard.manifests.store_readers import reader_files
from wizard.secrets.payload import collect_facts
from wizard.stores.aws.names import endpoint_host
from wizard.stores.aws.rules import require_secret_names
from wizard.stores.aws.runbook import render_place_note
from wizard.stores.aws.settings import (
    ROLE_ANNOTATION,
    AwsSettings,
    aws_reader_settings,
    aws_settings,
)
from wizard.stores.aws.steps import access_step, payload_step, trust_step

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.stores.answers import SecretsAnswers

_HTTPS_PORT = 443


def store_provider(store: AwsSettings) -> dict[str, Any]:
    """Return the store's `spec.provider`.

    Source: External Secrets 2.9, SecretStore v1 (aws) and "AWS authentication" (EKS Service Account
    credentials).
    """
    return {
        "aws": {
            "service": "SecretsManager",
            "region": store.region,
            "auth": {"jwt": {"serviceAccountRef": {"name": store.service_account}}},
        }
    }


def account_annotations(store: AwsSettings) -> dict[str, str]:
    """Return the annotation that names the ServiceAccount's role."""
    return {ROLE_ANNOTATION: store.role_arn}


def compose_aws(secrets: SecretsAnswers, release: Release, total: Contribution) -> Contribution:
    """Return the store and an ExternalSecret per Secret, also for other readers.

    Raises AnswersError for values that Secrets Manager cannot hold under their names.
    """
    store = aws_settings(secrets, release)
    require_secret_names(store, collect_facts(total.secrets))
    guard = account_guard(release, store.service_account)
    manifests = [
        service_account(release, store, account_annotations(store)),
        secret_store(release, store, store_provider(store)),
        *(external_secret(release, store, secret) for secret in total.secrets),
        *(() if release.gitops else guard),
    ]
    files = [*(guard if release.gitops else ())]
    steps: tuple[StepSpec, ...] = (trust_step(store), access_step(store), payload_step(store))
    for reader in total.readers:
        own = aws_reader_settings(secrets, release, reader)
        require_secret_names(own, reader.secret.facts)
        files.extend(
            reader_files(release, own, reader, store_provider(own), account_annotations(own))
        )
        steps += (trust_step(own), access_step(own), payload_step(own))
    links = (
        Link(
            OPERATOR,
            "AWS Secrets Manager",
            *read_url_address(store.url),
            "values of the Secrets",
        ),
        Link(OPERATOR, "AWS STS", endpoint_host("sts", store.region), _HTTPS_PORT),
    )
    return Contribution(
        manifests=tuple(manifests),
        files=tuple(files),
        steps=(*steps, GUARD_STEP),
        links=links,
        notes=(render_place_note(store),),
    )
