"""Logins to a cloud by the identity of the pods: a warning while the pods carry none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.rendered import findings, rendering
from wizard.findings import Finding

S3: dict[str, Any] = {
    "logs.kind": "remote", "logs.url": "s3://example-logs/prod", "logs.auth": "identity",
}  # fmt: skip
GCS: dict[str, Any] = {**S3, "logs.destination": "gcs", "logs.url": "gs://example-logs/prod"}
BLOBS: dict[str, Any] = {
    **S3,
    "logs.destination": "azure",
    "logs.url": "wasb://logs@example.blob.core.windows.net/wasb-logs",
}
KEY_VAULT: dict[str, Any] = {
    "secrets.backend.kind": "azure",
    "secrets.backend.vault_url": "https://example.vault.azure.net",
}
ROLE = {"components.service_account.annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1"}}
CLIENT = {"components.service_account.annotations": {"azure.workload.identity/client-id": "a-1"}}
LABEL = {"components.pod_labels": {"azure.workload.identity/use": "true"}}


def warned(changes: dict[str, Any]) -> list[Finding]:
    found = findings(rendering("production", changes))
    assert not [str(one) for one in found if one.is_error]
    return [one for one in found if one.rule == "configuration.identity"]


@pytest.mark.parametrize(("login", "carried"), [(S3, ROLE), (GCS, ROLE)])
def test_an_account_without_annotation_is_known_to_no_cloud(
    login: dict[str, Any], carried: dict[str, Any]
) -> None:
    [warning] = warned(login)
    assert warning.severity == "warning"
    assert warning.fix.question == "components.service_account.annotations"
    assert "components.service_account.annotations" in warning.fix.text
    assert warned({**login, **carried}) == []


@pytest.mark.parametrize("login", [BLOBS, KEY_VAULT])
def test_aks_needs_a_label_too(login: dict[str, Any]) -> None:
    for carried in ({}, CLIENT):
        [warning] = warned({**login, **carried})
        assert warning.fix.question == "components.pod_labels"
        assert "azure.workload.identity/use=true" in warning.fix.text
    [warning] = warned({**login, **LABEL})
    assert warning.fix.question == "components.service_account.annotations"
    assert warned({**login, **LABEL, **CLIENT}) == []


def test_a_login_with_a_secret_or_accounts_of_others_need_nothing() -> None:
    assert warned({**S3, "logs.auth": "connection"}) == []
    given = {"env": [{"name": "AWS_ACCESS_KEY_ID", "value": "x"}]}
    assert warned({**S3, "values": given}) == []
    others = {"apiServer": {"serviceAccount": {"create": False, "name": "theirs"}}}
    assert warned({**S3, "values": others}) == []


def test_the_runbook_names_both_keys() -> None:
    for login in (S3, KEY_VAULT):
        text = rendering("production", login).tree.by_logical("runbook").text
        assert "components.service_account.annotations" in text
        assert "components.pod_labels" in text
        assert "azure.workload.identity/use=true" in text
