"""Tokens by their shape: after every delimiter, and not inside other text."""

from __future__ import annotations

import random
import string

import pytest

from tests.support.corpus import bodies
from wizard.secrets.scan import find_leaks
from wizard.secrets.tokens import find_tokens

TOKENS = (
    "github", "github_fine", "gitlab", "gitlab_deploy", "gitlab_runner", "vault", "vault_batch",
    "vault_old", "aws", "slack", "slack_hook", "google", "google_client", "stripe", "pypi", "npm",
    "sendgrid", "databricks", "huggingface", "openai", "anthropic", "docker", "grafana",
    "atlassian", "bitbucket", "digitalocean", "terraform", "twilio", "telegram", "age", "jwt",
    "azure_storage", "azure_client", "openshift", "bcrypt",
)  # fmt: skip
BEFORE = (*"/=@?&:,;|'\"`([{<> \t\n#!+", "%3D", "%2F", "\\n", "\\u003d", '\\"', "://", "x@", "-p ")
AFTER = (*"/=@?&:,;|'\"`)]}<> \t\n#!", "%40", "\\n", '\\"', "")


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_is_found_between_any_delimiters(name: str) -> None:
    missed = [
        (before, after)
        for before in BEFORE
        for after in AFTER
        # More of the same characters: not a token of this length.
        if after not in ("", "=", "/")
        and not any(find_tokens(f"text {before}{bodies()[name]}{after}text"))
    ]

    assert not missed


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_alone_is_found(name: str) -> None:
    assert any(find_leaks(bodies()[name]))


@pytest.mark.parametrize("alphabet", ["+/", "-_"])
def test_random_base64_has_no_tokens(alphabet: str) -> None:
    choose = random.Random(7)
    text = "".join(choose.choices(string.ascii_letters + string.digits + alphabet, k=400_000))
    lines = "\n".join(text[at : at + 76] for at in range(0, len(text), 76))

    assert list(find_tokens(lines)) == []
    assert list(find_tokens(text)) == []


def test_prefixes_in_documentation_pass() -> None:
    prefixes = "ghp_ github_pat_ glpat- hvs. sk-proj- sk_live_ AKIA xoxb- npm_ hf_ SG. dckr_pat_"

    assert list(find_leaks(f"Tokens start with {prefixes}", prose=True)) == []
