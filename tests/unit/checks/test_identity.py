"""Logins to a cloud by the identity of the pods: a warning while pods on AKS carry none."""

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
CLIENT = {"components.service_account.annotations": {"azure.workload.identity/client-id": "a-1"}}
LABEL = {"components.pod_labels": {"azure.workload.identity/use": "true"}}


def warned(changes: dict[str, Any]) -> list[Finding]:
    found = findings(rendering("production", changes))
    assert not [str(one) for one in found if one.is_error]
    return [one for one in found if one.rule == "configuration.identity"]


MINIO = {**S3, "logs.endpoint": "minio.example.internal:9000", "logs.ca.file": "ca.pem"}


@pytest.mark.parametrize("login", [S3, GCS, MINIO])
def test_clouds_that_know_the_accounts_by_name_need_nothing(login: dict[str, Any]) -> None:
    assert warned(login) == []


@pytest.mark.parametrize("login", [BLOBS, KEY_VAULT])
def test_aks_needs_a_label_too(login: dict[str, Any]) -> None:
    for carried in ({}, CLIENT):
        [warning] = warned({**login, **carried})
        assert warning.fix.question == "components.pod_labels"
        assert "azure.workload.identity/use=true" in warning.fix.text
    [warning] = warned({**login, **LABEL})
    assert warning.fix.question == "components.service_account.annotations"
    assert warned({**login, **LABEL, **CLIENT}) == []


def test_what_is_not_for_azure_does_not_silence_it() -> None:
    other = {"components.service_account.annotations": {"example.com/owner": "data"}}
    key = {"values": {"env": [{"name": "AWS_ACCESS_KEY_ID", "value": "x"}]}}
    for login in (BLOBS, KEY_VAULT):
        [warning] = warned({**login, **LABEL, **other, **key})
        assert "azure.workload.identity/client-id" in warning.message
        assert "use=true" not in warning.message


def test_a_login_with_a_secret_or_accounts_of_others_need_nothing() -> None:
    assert warned({**BLOBS, "logs.auth": "connection"}) == []
    given = {"env": [{"name": "AZURE_CLIENT_CERTIFICATE_PATH", "value": "/c.pem"}]}
    for login in (BLOBS, KEY_VAULT):
        assert warned({**login, "values": given}) == []
    others = {"apiServer": {"serviceAccount": {"create": False, "name": "theirs"}}}
    assert warned({**BLOBS, **LABEL, "values": others}) == []


def test_the_runbook_names_both_keys() -> None:
    for login in (S3, KEY_VAULT):
        text = rendering("production", login).tree.by_logical("runbook").text
        assert "components.service_account.annotations" in text
        assert "components.pod_labels" in text
        assert "azure.workload.identity/use=true" in text
