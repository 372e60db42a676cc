"""The questions about AWS Secrets Manager: those at `secrets.aws`, and those of another reader."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from wizard.formats.address_types import HttpsUrl
from wizard.questions.conditions import when
from wizard.questions.effects import ANOTHER_PAYLOAD
from wizard.questions.section import Model, QuestionInfo
from wizard.stores.aws.names import KmsKey, Region, RoleArn, SecretPrefix

NAME = "aws"
REGION_KEY, ROLE_KEY = "secrets.aws.region", "secrets.aws.role_arn"
PREFIX_KEY, ENDPOINT_KEY = "secrets.aws.prefix", "secrets.aws.endpoint"
KMS_KEY = "secrets.aws.kms_key"
AWS = when("AWS Secrets Manager", "secrets.store", NAME)


class AwsStore(Model):
    """AWS Secrets Manager, which External Secrets reads by an IAM role for a ServiceAccount."""

    region: Annotated[
        Region,
        QuestionInfo(
            when=AWS,
            required=True,
            effects=(ANOTHER_PAYLOAD,),
            find="`aws configure get region` prints that of the AWS CLI.",
            machine="$AWS_REGION",
        ),
    ] = Field(
        default="",
        title="Region",
        description=(
            "Region of the secrets, such as eu-central-1. This store is experimental: it was "
            "tested with a simulated AWS only."
        ),
    )
    role_arn: Annotated[
        RoleArn,
        QuestionInfo(
            when=AWS,
            required=True,
            effects=(ANOTHER_PAYLOAD,),
            find="`aws iam list-roles --query 'Roles[].Arn'` lists the roles.",
        ),
    ] = Field(
        default="",
        title="Role",
        description=(
            "ARN of the IAM role that reads the secrets (IRSA). They are in its account. No pod of "
            "Airflow may use it."
        ),
    )
    prefix: Annotated[SecretPrefix, QuestionInfo(when=AWS, effects=(ANOTHER_PAYLOAD,))] = Field(
        default="",
        title="Prefix",
        description=(
            "First part of the names of the secrets. Empty: airflow-install/<name>/config, which "
            "gives airflow-install/<name>/config/fernetKey."
        ),
    )
    kms_key: Annotated[KmsKey, QuestionInfo(when=AWS)] = Field(
        default="",
        title="KMS key",
        description=(
            "ARN of the KMS key that encrypts new secrets. Empty: the account's aws/secretsmanager."
        ),
    )
    endpoint: Annotated[HttpsUrl, QuestionInfo(when=AWS)] = Field(
        default="",
        title="Endpoint",
        description=(
            "Address of a VPC endpoint without private DNS; the operator needs it, too, as "
            "AWS_SECRETSMANAGER_ENDPOINT. Empty: that of the region."
        ),
    )


class AwsCredential(Model):
    """Prefix and role of the credential in Secrets Manager; empty answers use defaults."""

    prefix: SecretPrefix = Field(
        default="",
        title="Prefix",
        description="First part of the secret's name. Empty: <store's prefix>-argocd.",
    )
    role_arn: RoleArn = Field(
        default="",
        title="Role",
        description=(
            "ARN of Argo CD's IAM role, in the account of the store's. Empty: the store's role, "
            "which can then read both."
        ),
    )
