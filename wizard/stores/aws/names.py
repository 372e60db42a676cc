"""Names in AWS: regions, roles, keys and secrets, and the partitions that they are in.

Source: AWS documentation, "CreateSecret" (Name, KmsKeyId), "Amazon Resource Names", "AWS Secrets
Manager endpoints and quotas", "IAM and AWS STS quotas" (names of roles).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from wizard.formats.types import Text, matching

# The longest name of a secret.
MAX_SECRET_NAME = 512
_SEGMENT = r"[A-Za-z0-9_+=.@-]+"
# An ARN ends with a hyphen and six characters: a name that does, too, is taken for part of one.
_ARN_END = re.compile(r"-[A-Za-z0-9]{6}")
_ROLE = re.compile(r"arn:([a-z-]+):iam::([0-9]{12}):role/((?:[A-Za-z0-9+=,.@_-]+/)*)([^/]+)")


@dataclass(frozen=True, slots=True)
class Partition:
    """One part of AWS: its name in ARNs, the beginning of its regions, and its domain."""

    name: str
    regions: str
    domain: str


# The first one that fits counts.
PARTITIONS = (
    Partition("aws-cn", "cn-", "amazonaws.com.cn"),
    Partition("aws-us-gov", "us-gov-", "amazonaws.com"),
    Partition("aws", "", "amazonaws.com"),
)


def find_partition(region: str) -> Partition:
    """Return the partition of a region."""
    return next(one for one in PARTITIONS if region.startswith(one.regions))


def split_role(arn: str) -> tuple[str, str, str]:
    """Return partition, account and name (without path) of a role's ARN; empty for no ARN."""
    found = _ROLE.fullmatch(arn)
    return (found[1], found[2], found[4]) if found else ("", "", "")


def endpoint_host(service: str, region: str) -> str:
    """Return the host of a service in a region."""
    return f"{service}.{region}.{find_partition(region).domain}"


def format_secret_name(path: str, key: str) -> str:
    """Return the name of the secret for a key of the payload."""
    return f"{path}/{key}"


def find_name_fault(name: str) -> str:
    """Return why no secret may have this name, as what to do; empty for a name that is right."""
    if len(name) > MAX_SECRET_NAME:
        return f"use shorter names: {name[:60]}... has more than {MAX_SECRET_NAME} characters"
    if _ARN_END.fullmatch(name[-7:]):
        return (
            f"use another name: {name} ends with a hyphen and six characters, like an ARN, by "
            "which AWS would find another secret"
        )
    return ""


def _region(value: str) -> str:
    if value and (
        not re.fullmatch(r"[a-z]{2}(-[a-z]+){1,2}-[0-9]{1,2}", value)
        or value.startswith(("us-iso", "eu-iso"))
    ):
        raise ValueError(
            "give a region of AWS, AWS China or AWS GovCloud, such as eu-central-1, without a zone"
        )
    return value


def _role(value: str) -> str:
    partition, _, name = split_role(value)
    if value and (
        partition not in {one.name for one in PARTITIONS}
        or not re.fullmatch(r"[A-Za-z0-9+=,.@_-]{1,64}", name)
    ):
        raise ValueError(
            "give the ARN of an IAM role, such as arn:aws:iam::123456789012:role/airflow-secrets"
        )
    return value


def _prefix(value: str) -> str:
    if value and (not re.fullmatch(rf"{_SEGMENT}(/{_SEGMENT})*", value) or len(value) > 256):
        raise ValueError(
            "give a path of at most 256 letters, digits and _+=.@- between slashes, such as "
            "airflow/prod: no leading or final slash"
        )
    return value


Region = Annotated[Text, AfterValidator(_region)]
RoleArn = Annotated[Text, AfterValidator(_role)]
SecretPrefix = Annotated[Text, AfterValidator(_prefix)]
KmsKey = Annotated[
    Text,
    AfterValidator(
        matching(
            r"arn:(aws|aws-cn|aws-us-gov):kms:[a-z0-9-]+:[0-9]{12}:"
            r"(key/[A-Za-z0-9-]{1,256}|alias/[A-Za-z0-9/_-]{1,250})",
            "give the ARN of a KMS key, such as "
            "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555",
        )
    ),
]
