"""The store azure: names, refusals, and what reads from a Key Vault."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.hostile_texts import HOSTILE, assert_readers_agree
from tests.support.rendered import objections, rendering, values
from wizard.checks.engine import run_checks
from wizard.checks.run import build_layout
from wizard.errors import AnswersError
from wizard.formats.azure import format_secret_name
from wizard.manifests.tree import Tree

CLIENT = "aaaaaaaa-2222-3333-4444-555555555555"
URL, TENANT, IDENTITY = (f"secrets.azure.{one}" for one in ("vault_url", "tenant_id", "client_id"))
WORKLOAD = "azure.workload.identity/client-id"


def manifest(tree: Tree, logical: str) -> Any:
    return yaml.safe_load(tree.by_logical(logical).text)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("fernetKey", "airflow-prod-fernet-key"),
        ("gitSshKey", "airflow-prod-git-ssh-key"),
        ("extraAwsCreds_AWS_KEY", "airflow-prod-extra-aws-creds-aws-key"),
    ],
)
def test_a_key_of_the_payload_has_a_secret_of_its_own(key: str, name: str) -> None:
    assert format_secret_name("airflow-prod", key) == name


@pytest.mark.parametrize(
    "url",
    [
        "http://kv-airflow.vault.azure.net",
        "https://kv.vault.azure.net",
        "https://1kv-airflow.vault.azure.net",
        "https://kv--airflow.vault.azure.net",
        "https://kv-airflow-.vault.azure.net",
        f"https://k{'v' * 24}.vault.azure.net",
        "https://kv_airflow.vault.azure.net",
        "https://kv-airflow.vault.azure.net:8443",
        "https://kv-airflow.vault.azure.net/secrets",
        "https://kv-airflow.vault.azure.net.evil.example",
        "https://evil.example/.vault.azure.net",
        "https://user:pw@kv-airflow.vault.azure.net",
        "https://a.kv-airflow.vault.azure.net",
        "kv-airflow",
    ],
)
def test_an_address_that_no_key_vault_has_is_refused_by_its_key(url: str) -> None:
    assert [one for one in objections("aks", {URL: url}) if one.startswith(f"{URL}: ")] != []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (TENANT, "example.onmicrosoft.com"),
        (TENANT, "common"),
        (TENANT, "{11111111-2222-3333-4444-555555555555}"),
        (IDENTITY, "airflow-identity"),
        ("secrets.azure.prefix", "under_score"),
        ("logs.blob.account", "Upper-Case"),
        ("logs.blob.container", "two--hyphens"),
        ("logs.blob.resource_group", "ends-with."),
    ],
)
def test_bad_names_are_refused_by_their_key(key: str, value: str) -> None:
    assert [one for one in objections("aks", {key: value}) if one.startswith(f"{key}: ")] != []


@pytest.mark.parametrize(
    "key",
    [
        URL, TENANT, IDENTITY, "secrets.azure.prefix", "logs.blob.account", "logs.blob.container",
        "logs.blob.resource_group",
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_text_is_refused_or_stays_text(key: str, text: str) -> None:
    found = objections("aks", {key: text})
    if found:
        assert [one for one in found if one.startswith(f"{key}: ")] != []
        return
    assert_readers_agree(rendering("aks", {key: text}), rendering("aks"))


def test_the_cloud_follows_from_the_address() -> None:
    made = rendering("aks", {URL: "https://KV-airflow.vault.usgovcloudapi.net/"})
    provider = manifest(made.tree, "secrets/store")["spec"]["provider"]["azurekv"]
    assert provider["environmentType"] == "USGovernmentCloud"
    assert provider["vaultUrl"] == "https://kv-airflow.vault.usgovcloudapi.net"


def test_a_backend_in_the_same_key_vault_is_refused() -> None:
    backend = {"secrets.backend.kind": "azure"}
    same = {**backend, "secrets.backend.vault_url": "https://KV-Airflow.vault.azure.net:443/"}
    found = objections("aks", same)
    assert [one for one in found if one.startswith("secrets.backend.vault_url: use another")] != []
    other = {**backend, "secrets.backend.vault_url": "https://kv-dags.vault.azure.net"}
    assert objections("aks", other) == []


def test_pods_that_log_in_as_the_store_are_refused() -> None:
    key = "components.service_account.annotations"
    found = objections("aks", {key: {WORKLOAD: CLIENT.upper()}})
    assert [one for one in found if one.startswith(f"{key}: use another identity")] != []
    assert objections("aks", {key: {WORKLOAD: CLIENT.replace("a", "b")}}) == []
    key = "components.service_account.by_component"
    one = {"component": "worker", "annotations": {WORKLOAD: CLIENT}}
    found = objections("aks", {key: [one]})
    assert [one for one in found if one.startswith(f"{key}: use another identity")] != []


def test_identities_by_component_win_over_those_of_all() -> None:
    accounts = {
        "annotations": {WORKLOAD: CLIENT.replace("a", "b"), "example.com/team": "data"},
        "by_component": [
            {"component": "worker", "annotations": {WORKLOAD: CLIENT.replace("a", "c")}}
        ],
    }
    made = values(rendering("aks", {"components.service_account": accounts}))
    worker = made["workers"]["celery"]["serviceAccount"]["annotations"]
    assert worker == {WORKLOAD: CLIENT.replace("a", "c"), "example.com/team": "data"}
    others = made["scheduler"]["serviceAccount"]["annotations"]
    assert others == accounts["annotations"]
    twice = {"by_component": [{"component": "worker", "annotations": {}}] * 2}
    assert objections("aks", {"components.service_account": twice}) != []


def test_two_values_of_one_name_are_refused() -> None:
    extra = [{"name": "aws", "from": "store", "keys": ["Key_ID", "key_id"]}]
    with pytest.raises(AnswersError) as raised:
        rendering("aks", {"secrets.extra": extra})
    assert [one.key for one in raised.value.problems] == ["secrets.extra"]
    long = [{"name": "a" * 50, "from": "store", "keys": ["K" * 90]}]
    with pytest.raises(AnswersError) as raised:
        rendering("aks", {"secrets.extra": long})
    assert "127" in str(raised.value.problems[0])


def test_argo_cd_reads_its_credential_with_an_identity_of_its_own() -> None:
    other = CLIENT.replace("a", "c")
    made = rendering(
        "aks",
        {"delivery.argocd.credential": "store", "delivery.argocd.azure": {"client_id": other}},
    )
    account = manifest(made.tree, "argocd/bootstrap/credential-account")
    assert account["metadata"]["annotations"][WORKLOAD] == other
    secret = manifest(made.tree, "argocd/bootstrap/credential-secret")
    keys = {one["remoteRef"]["key"] for one in secret["spec"]["data"]}
    assert len(keys) == 1
    assert keys.pop().startswith("airflow-airflow-argocd-")


def test_another_container_is_another_volume() -> None:
    first = manifest(rendering("aks").tree, "secrets/logs-volume")
    other = manifest(rendering("aks", {"logs.blob.container": "other"}).tree, "secrets/logs-volume")
    bigger = manifest(rendering("aks", {"logs.size": "9Gi"}).tree, "secrets/logs-volume")
    names = [one["metadata"]["name"] for one in (first, other, bigger)]
    assert len(set(names)) == 3
    claim = manifest(rendering("aks").tree, "secrets/logs-claim")
    assert first["spec"]["claimRef"]["name"] == claim["metadata"]["name"]
    assert claim["spec"]["volumeName"] == first["metadata"]["name"]
    twin = rendering("aks", {"installation.namespace": "other"})
    assert manifest(twin.tree, "secrets/logs-volume")["spec"]["csi"]["volumeHandle"] not in names


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("authType: WorkloadIdentity", "authType: ServicePrincipal", "azure.login"),
        ("vaultUrl: https://", "vaultUrl: http://", "store.plain-http"),
        (
            'tenantId: "11111111-2222',
            'tenantId: "99999999-2222',
            "azure.tenant",
        ),
    ],
)
def test_a_store_that_was_changed_by_hand_is_a_finding(old: str, new: str, rule: str) -> None:
    assert rule in rules_after("apps/airflow/secrets/store.yaml", old, new)


def test_an_account_without_identity_and_an_impossible_name_are_findings() -> None:
    account = "apps/airflow/secrets/service-account.yaml"
    assert "azure.identity" in rules_after(account, f"{WORKLOAD}:", "example.com/other:")
    secret = "apps/airflow/secrets/airflow-fernet-key.yaml"
    assert "azure.name" in rules_after(secret, "airflow-airflow-fernet-key", "airflow/fernet_key")


def rules_after(path: str, old: str, new: str) -> set[str]:
    """The rules that a change of one file breaks."""
    made = rendering("aks")
    text = made.tree[path].text
    assert old in text
    files = {name: file.data for name, file in made.tree.items()}
    files[path] = text.replace(old, new).encode()
    found = run_checks(
        files,
        chart=made.release.chart,
        airflow=made.release.airflow_version,
        installation=build_layout(made),
    )
    return {one.rule for one in found}
