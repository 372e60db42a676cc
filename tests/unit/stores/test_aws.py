"""The store aws: names, refusals, and what reads from Secrets Manager."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.hostile_texts import HOSTILE, assert_readers_agree
from tests.support.rendered import objections, rendering
from wizard.checks.engine import run_checks
from wizard.checks.run import build_layout
from wizard.errors import AnswersError
from wizard.manifests.ownership import judge_source
from wizard.manifests.tree import Tree
from wizard.stores.aws.live.ownership import judge_tags, make_tags
from wizard.stores.aws.names import find_name_fault

ROLE = "arn:aws:iam::123456789012:role/airflow-secrets"
STORE = {"secrets.store": "aws"}
REGION, ROLE_KEY, PREFIX = (f"secrets.aws.{one}" for one in ("region", "role_arn", "prefix"))
KMS, ENDPOINT = "secrets.aws.kms_key", "secrets.aws.endpoint"
NOTE = "eks.amazonaws.com/role-arn"


def manifest(tree: Tree, logical: str) -> Any:
    return yaml.safe_load(tree.by_logical(logical).text)


def named(changes: dict[str, object], key: str) -> list[str]:
    return [one for one in objections("production", {**STORE, **changes}) if one.startswith(key)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (REGION, "eu-central-1a"),
        (REGION, "eu_central_1"),
        (REGION, "us-iso-east-1"),
        (REGION, "https://eu-central-1"),
        (ROLE_KEY, "airflow-secrets"),
        (ROLE_KEY, "arn:aws:iam::123456789012:user/airflow"),
        (ROLE_KEY, "arn:aws:iam::12345:role/airflow"),
        (ROLE_KEY, "arn:aws-iso:iam::123456789012:role/airflow"),
        (ROLE_KEY, f"arn:aws:iam::123456789012:role/{'r' * 65}"),
        (PREFIX, "/airflow"),
        (PREFIX, "airflow/"),
        (PREFIX, "airflow//prod"),
        (PREFIX, "airflow/*"),
        (PREFIX, "arn:aws"),
        (PREFIX, "p" * 257),
        (KMS, "alias/airflow"),
        (KMS, "arn:aws:kms:eu-central-1:123456789012:airflow"),
        (ENDPOINT, "http://secretsmanager.example.com"),
        (ENDPOINT, "https://127.0.0.1:5000"),
    ],
)
def test_bad_names_are_refused_by_their_key(key: str, value: str) -> None:
    assert named({key: value}, f"{key}: ") != []


@pytest.mark.parametrize("key", [REGION, ROLE_KEY, PREFIX, KMS, ENDPOINT])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_text_is_refused_or_stays_text(key: str, text: str) -> None:
    if found := objections("production", {**STORE, key: text}):
        assert [one for one in found if one.startswith(f"{key}: ")] != []
        return
    assert_readers_agree(rendering("production", {**STORE, key: text}), rendering("production"))


def test_role_and_key_are_where_the_secrets_are() -> None:
    assert named({REGION: "cn-north-1"}, f"{ROLE_KEY}: use a role of aws-cn") != []
    china = ROLE.replace("arn:aws:", "arn:aws-cn:")
    assert named({REGION: "cn-north-1", ROLE_KEY: china}, "secrets.aws") == []
    key = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    assert named({KMS: key}, f"{KMS}: use a key of region eu-central-1") != []
    other: dict[str, object] = {
        "delivery.argocd.credential": "store",
        "delivery.argocd.aws": {"role_arn": ROLE.replace("1234", "9999")},
    }
    assert named(other, "delivery.argocd.aws.role_arn: use a role of account 123456789012") != []


def test_the_operator_reads_a_secret_for_each_value_with_its_own_role() -> None:
    role = ROLE.replace("airflow-secrets", "argocd")
    made = rendering(
        "production",
        {**STORE, "delivery.argocd.credential": "store",
         "delivery.argocd.aws": {"role_arn": role}},
    )  # fmt: skip
    account = manifest(made.tree, "secrets/service-account")
    assert account["metadata"]["annotations"][NOTE] == ROLE
    provider = manifest(made.tree, "secrets/store")["spec"]["provider"]["aws"]
    assert provider["auth"]["jwt"]["serviceAccountRef"]["name"] == account["metadata"]["name"]
    secret = manifest(made.tree, "secrets/airflow-fernet-key")
    (reference,) = (one["remoteRef"] for one in secret["spec"]["data"])
    assert reference["key"] == "airflow-install/airflow/config/fernetKey"
    assert "property" not in reference
    reader = manifest(made.tree, "argocd/bootstrap/credential-account")
    assert reader["metadata"]["annotations"][NOTE] == role
    credential = manifest(made.tree, "argocd/bootstrap/credential-secret")
    keys = {one["remoteRef"]["key"] for one in credential["spec"]["data"]}
    assert keys == {"airflow-install/airflow/config-argocd/repositorySshKey"}


def test_pods_that_log_in_as_the_store_are_refused() -> None:
    key = "components.service_account.annotations"
    assert named({key: {NOTE: ROLE}}, f"{key}: use another role") != []
    assert named({key: {NOTE: f"{ROLE}-2"}}, key) == []
    key = "components.service_account.by_component"
    one = {"component": "worker", "annotations": {NOTE: ROLE}}
    assert named({key: [one]}, f"{key}: use another role") != []


def test_a_local_cluster_is_refused() -> None:
    assert [one for one in objections("local", {**STORE, REGION: "eu-central-1", ROLE_KEY: ROLE})
            if one.startswith("secrets.store: use kubernetes")] != []  # fmt: skip


def test_names_that_aws_takes_for_another_secret_are_refused() -> None:
    assert find_name_fault("airflow/x-AbCdEf") != ""
    assert find_name_fault("airflow/x-AbCdE") == ""
    assert find_name_fault("a" * 512) == ""
    assert find_name_fault("a" * 513) != ""
    long = [{"name": "a" * 63, "from": "store", "keys": ["K" * 240]}]
    with pytest.raises(AnswersError) as raised:
        rendering("production", {**STORE, PREFIX: "p" * 250, "secrets.extra": long})
    assert {one.key for one in raised.value.problems} == {"secrets.extra"}


@pytest.mark.parametrize(
    "source", ["git.example.com/platform/config#airflow", "git.example.com/~ada/x#a", "s" * 300]
)
def test_a_tag_names_the_source_in_the_characters_of_aws(source: str) -> None:
    tags = make_tags(source, "fernetKey")
    assert all(set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789 _.:/=+-@") for text in tags.values())  # fmt: skip
    assert judge_tags(tags, source).is_ours
    assert judge_tags(tags, "git.example.com/other#airflow").is_proven_foreign
    assert judge_tags({}, source) == judge_source("", source)
    other = make_tags("git.example.com/other/config#airflow", "fernetKey")
    assert "git.example.com/other/config" in judge_tags(other, source).reason


@pytest.mark.parametrize(
    ("path", "old", "new", "rule"),
    [
        ("store", "region: eu-central-1", 'region: ""', "aws.region"),
        (
            "store", "jwt:", "secretRef: {accessKeyIDSecretRef: {name: a, key: b}}\n        jwt:",
            "aws.login",
        ),
        ("service-account", f"{NOTE}:", "example.com/other:", "aws.role"),
        ("airflow-fernet-key", "config/fernetKey", '"config fernetKey"', "aws.name"),
    ],
)  # fmt: skip
def test_what_was_changed_by_hand_is_a_finding(path: str, old: str, new: str, rule: str) -> None:
    made = rendering("production", STORE)
    files = {name: file.data for name, file in made.tree.items()}
    name = f"apps/airflow/secrets/{path}.yaml"
    text = files[name].decode()
    assert old in text
    if new.startswith('"config'):
        old, new = "airflow-install/airflow/config/fernetKey", '"airflow fernet key"'
    files[name] = text.replace(old, new).encode()
    found = run_checks(
        files,
        chart=made.release.chart,
        airflow=made.release.airflow_version,
        installation=build_layout(made),
    )
    assert rule in {one.rule for one in found}
