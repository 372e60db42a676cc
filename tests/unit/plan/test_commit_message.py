"""Commit messages and branch names are as public as files: a secret in them is refused."""

from __future__ import annotations

import pytest

from tests.support.corpus import bodies
from wizard.errors import RefusedError
from wizard.plan.commit_message import require_no_secret

MESSAGES = (
    "use <github>",
    "token=<github>",
    "clone https://<github>@github.com/acme/dags.git",
    "call https://example.com/?private_token=<gitlab>&page=2",
    "read https://vault.example.com/v1/<vault>",
    "export AWS_ACCESS_KEY_ID=<aws>",
    "Rotate keys\n\nthe old one was (<slack>)",
    "Set smtp.password=<weak>",
    "the password: <weak>",
    "run with --password <weak>",
    "-H 'Authorization: Bearer <strong>'",
)
BRANCHES = ("fix/<gitlab>", "<github>", "a/token=<weak>", "ada-<github>/x", "x/<aws>/y")
HARMLESS = (
    "Rotate token: see ticket 42",
    "Set database.password\n\nSet dags.key.public",
    "airflow: read the password from the store",
    "Use --token-file instead of --token",
    "Document `postgresql://user:<password>@host/db`",
    "Bump apache/airflow to sha256:<sha256>",
)


def fill(text: str) -> str:
    for name, body in bodies().items():
        text = text.replace(f"<{name}>", body)
    return text


@pytest.mark.parametrize("message", MESSAGES)
def test_a_secret_in_the_message_is_refused_and_not_repeated(message: str) -> None:
    with pytest.raises(RefusedError) as raised:
        require_no_secret(fill(message), "")

    assert "--message" in str(raised.value)
    shown = f"{raised.value} {raised.value.fix}"
    assert not [body for body in bodies().values() if len(body) >= 8 and body in shown]


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_secret_in_the_branch_is_refused(branch: str) -> None:
    with pytest.raises(RefusedError, match="--branch"):
        require_no_secret("Change it", fill(branch))


@pytest.mark.parametrize("message", HARMLESS)
def test_messages_that_speak_of_secrets_pass(message: str) -> None:
    require_no_secret(fill(message), "feature/rotate-password-2026")
