"""The questions about SOPS, at `secrets.sops`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from wizard.formats.age_types import AgeRecipient, Remark
from wizard.questions.conditions import when
from wizard.questions.section import Model, QuestionInfo

NAME = "sops"
RECIPIENTS_KEY, DECRYPTOR_KEY = "secrets.sops.recipients", "secrets.sops.decryptor"
SOPS = when("SOPS", "secrets.store", NAME)


class Recipient(Model):
    """One public key that the values are encrypted for, and how it became trusted."""

    key: AgeRecipient
    holder: Remark
    verified: Remark


class SopsStore(Model):
    """SOPS: the values are in Git, encrypted with age."""

    recipients: Annotated[
        list[Recipient],
        QuestionInfo(
            when=SOPS,
            required=True,
            find="`age-keygen -y FILE` prints the public key of a private one.",
            takes="a list of {key, holder, verified}. key: an age public key (age1...). holder: "
            "who has its private key. verified: how you know that",
            example="[{key: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p, "
            "holder: platform team, verified: read out by Ada on the phone}]",
            synonyms=("age", "public key"),
        ),
    ] = Field(
        default_factory=list,
        title="Recipients",
        description=(
            "Whoever has the private key of one can read every value, also in Git's history. "
            "`secrets` asks about each one that is new. Name two, in case a key is lost."
        ),
    )
    decryptor: Annotated[
        Literal["apply"],
        QuestionInfo(
            when=SOPS, labels={"apply": "airflow-wizard apply, or sops and kubectl in CI"}
        ),
    ] = Field(
        default="apply",
        title="Decrypted by",
        description=(
            "What decrypts the Secrets and creates them in the cluster. It needs sops and a "
            "private key (SOPS_AGE_KEY_FILE). No delivery sees them."
        ),
    )

    @field_validator("recipients", mode="after")
    @classmethod
    def _unique(cls, recipients: list[Recipient]) -> list[Recipient]:
        keys = [one.key for one in recipients]
        if len(set(keys)) != len(keys):
            raise ValueError("name each key once")
        return recipients
