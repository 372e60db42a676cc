"""The record of the store aws."""

from __future__ import annotations

from wizard.stores.aws.claims import aws_claims, aws_reader_claims
from wizard.stores.aws.contribution import compose_aws
from wizard.stores.aws.questions import ENDPOINT_KEY, NAME, REGION_KEY, AwsCredential, AwsStore
from wizard.stores.aws.rules import check_apart, check_one_place
from wizard.stores.aws.runbook import aws_runbook
from wizard.stores.aws.settings import aws_place, aws_reader_settings, aws_settings
from wizard.stores.record import StoreKind

STORE = StoreKind(
    name=NAME,
    label="AWS Secrets Manager through External Secrets (experimental)",
    title="AWS Secrets Manager",
    questions=AwsStore,
    reader_questions=AwsCredential,
    external_secrets=True,
    needs_public_issuer=True,
    fillable=True,
    settings=aws_settings,
    reader_settings=aws_reader_settings,
    compose=compose_aws,
    urls=(ENDPOINT_KEY,),
    server_key=REGION_KEY,
    # Newer operators add it; older ones do not know it.
    defaulted=(("SecretStore", ".spec.provider.aws.sessionTagsPolicy"),),
    rules=(check_apart, check_one_place),
    runbook=aws_runbook,
    place=aws_place,
    claims=aws_claims,
    reader_claims=aws_reader_claims,
)
