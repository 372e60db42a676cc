"""The causes that are left for a refused token review, by what could be read and tried."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.vault_store import store_of
from wizard.clients.vault.address import VaultAddress
from wizard.clients.vault.transport import VaultError
from wizard.systems.vault.auth_config import AuthConfigSpec, parse_server
from wizard.systems.vault.login_evidence import HostState, ReviewerState, Surroundings, try_host
from wizard.systems.vault.login_refusal import explain_silence, list_review_causes
from wizard.systems.vault.looks import AuthState

HOST = "https://api.prod.example:6443"
REMOTE, LOCAL = "https://vault.example:8200", "https://127.0.0.1:8200"
CONFIG = {"kubernetes_host": HOST, "token_reviewer_jwt_set": True, "disable_local_ca_jwt": True}
HERE = AuthConfigSpec(HOST, frozenset([parse_server(HOST)]), inside=False)
REVIEWER, DELEGATOR, REACH, CA = "expired", "may not review", "cannot reach", "does not sign"
OWN = "not a valid token of ServiceAccount vault-auth/vault-auth"


@pytest.mark.parametrize(
    ("config", "host", "account", "causes"),
    [
        (None, "not tried", "unknown", [REVIEWER, DELEGATOR, REACH, CA]),
        ({}, "verified", "may review", [OWN, REACH]),
        ({}, "verified", "may not review", ["vault-auth/vault-auth may not", REVIEWER, REACH]),
        ({}, "verified", "missing", [REVIEWER, DELEGATOR, REACH]),
        ({}, "unreachable", "may review", ["this machine cannot reach either", OWN]),
        ({}, "untrusted", "may review", ["as seen from this machine", OWN]),
        ({}, "vault's own", "may review", ["the machine that Vault runs on", OWN]),
        ({"pem_keys": ["x"]}, "verified", "may review", ["pem_keys", OWN, REACH]),
        # Nobody reviews: nothing else matters.
        ({"token_reviewer_jwt_set": False}, "verified", "may review", ["no token_reviewer_jwt"]),
        # Vault in the cluster reviews with its own account, whose token never expires.
        (
            {"token_reviewer_jwt_set": False, "disable_local_ca_jwt": False},
            "not tried",
            "unknown",
            ["Vault's own ServiceAccount", REACH, CA],
        ),
        (
            {"kubernetes_host": "https://other.example"},
            "verified",
            "may review",
            ["another cluster", OWN, REACH],
        ),
        # A loopback address that answers as configured is this machine, where Vault runs too.
        ({"kubernetes_host": "https://127.0.0.1:1"}, "unreachable", "may review", ["either"]),
        ({"kubernetes_host": "https://127.0.0.1:1"}, "untrusted", "may review", ["as seen"]),
    ],
)
def test_causes_are_listed_by_likelihood(
    config: dict[str, Any] | None, host: HostState, account: ReviewerState, causes: list[str]
) -> None:
    state = AuthState(True, None if config is None else {**CONFIG, **config}, {"audience": "vault"})
    found = list_review_causes(store_of(), state, HERE, host, account)
    assert len(found) == len(causes), found
    for cause, part in zip(found, causes, strict=True):
        assert part in cause.text
        assert cause.command


@pytest.mark.parametrize(
    ("vault", "config", "state"),
    [
        (
            REMOTE,
            {"kubernetes_host": "https://127.0.0.1:6443"},
            "vault's own",
        ),
        (
            REMOTE,
            {"kubernetes_host": "https://kubernetes.default.svc"},
            "not",
        ),
        (LOCAL, {"kubernetes_host": "https://127.0.0.1:1"}, "unreachable"),
        (LOCAL, {"kubernetes_host": "https://no.invalid:1"}, "unreachable"),
        (LOCAL, {"kubernetes_ca_cert": "rubbish"}, "untrusted"),
        (LOCAL, {"disable_local_ca_jwt": False}, "not tried"),
        (LOCAL, {"kubernetes_host": "https://[::1"}, "not tried"),
    ],
)
def test_a_host_is_only_tried_where_that_shows_something(
    vault: str, config: dict[str, Any], state: str
) -> None:
    found = try_host({**CONFIG, **config}, Surroundings(VaultAddress(vault)))
    assert found.startswith(state)


def test_a_login_without_an_answer_points_at_the_cluster() -> None:
    error = VaultError("unreachable", "vault.example:8200 gave no answer in time")
    found = explain_silence(error, store_of(), AuthState(True, CONFIG, {}))
    assert found.transient
    assert f"it seems to wait for kubernetes_host ({HOST})" in found.message
    assert f"curl -sS --cacert ca.pem {HOST}/readyz" in found.hint
