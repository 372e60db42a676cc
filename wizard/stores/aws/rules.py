"""Rules over the answers about AWS, for what types cannot express."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel

from wizard.errors import AnswersError, Problem
from wizard.formats.nested import get_value
from wizard.stores.aws.names import find_name_fault, find_partition, split_role
from wizard.stores.aws.questions import (
    AWS,
    KMS_KEY,
    NAME,
    PREFIX_KEY,
    ROLE_KEY,
    AwsCredential,
    AwsStore,
)
from wizard.stores.aws.settings import ROLE_ANNOTATION, AwsSettings

if TYPE_CHECKING:
    from wizard.secrets.facts import Fact

_ACCOUNTS = "components.service_account"


def check_apart(answers: BaseModel) -> Iterator[Problem]:
    """Report pods of Airflow that log in as the store: DAGs could read Airflow's own keys."""
    if not AWS.holds(answers):
        return
    own: AwsStore = get_value(answers, ("secrets", NAME))
    accounts = get_value(answers, tuple(_ACCOUNTS.split(".")))
    for key in ("annotations", "by_component") if own.role_arn else ():
        found = getattr(accounts, key)
        named = [found] if key == "annotations" else [one.annotations for one in found]
        if own.role_arn in {str(one.get(ROLE_ANNOTATION) or "") for one in named}:
            yield Problem(
                f"{_ACCOUNTS}.{key}",
                f"use another role than {ROLE_KEY} in {ROLE_ANNOTATION}: DAGs could read Airflow's "
                "own keys with it",
            )


def check_one_place(answers: BaseModel) -> Iterator[Problem]:
    """Report a role or a KMS key that is elsewhere than the secrets."""
    if not AWS.holds(answers):
        return
    own: AwsStore = get_value(answers, ("secrets", NAME))
    if not own.region:
        return
    wanted = find_partition(own.region).name
    partition, account, _ = split_role(own.role_arn)
    if partition and partition != wanted:
        yield Problem(ROLE_KEY, f"use a role of {wanted}: region {own.region} is there")
    if own.kms_key and own.kms_key.split(":")[3] != own.region:
        yield Problem(
            KMS_KEY, f"use a key of region {own.region}: a secret cannot be encrypted by another"
        )
    for delivery, found in get_value(answers, ("delivery",)) if account else ():
        reader = getattr(found, NAME, None)
        if not isinstance(reader, AwsCredential) or not reader.role_arn:
            continue
        if split_role(reader.role_arn)[:2] != (partition, account):
            yield Problem(
                f"delivery.{delivery}.{NAME}.role_arn",
                f"use a role of account {account}: the secrets are there",
            )


def require_secret_names(store: AwsSettings, facts: tuple[Fact, ...]) -> None:
    """Raise AnswersError for values whose secrets would have names that AWS refuses."""
    problems = []
    for fact in facts:
        if fault := find_name_fault(store.secret_name(fact.key)):
            # The keys of `secrets.extra` become names of secrets; all others are fixed.
            key = "secrets.extra" if fact.key.startswith("extra") else PREFIX_KEY
            problems.append(Problem(key, fault))
    if problems:
        raise AnswersError("Secrets Manager cannot hold these values", problems)
