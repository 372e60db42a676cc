"""Airflow's secrets backend: what each kind sets, whose role it is, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.support.rendered import filled, findings, rendering, values
from wizard.answers.files import validate_answers
from wizard.errors import AnswersError
from wizard.plan.render import Rendering
from wizard.stores.vault.checks.hcl import is_allowed, parse_policy

VAULT: dict[str, object] = {"secrets.backend.kind": "vault"}
AZURE: dict[str, object] = {
    "secrets.backend.kind": "azure", "secrets.backend.vault_url": "https://flow.vault.azure.net",
}  # fmt: skip
OTHERS: dict[str, object] = {
    **VAULT, "secrets.store": "existing",
    "secrets.backend.server": "https://other-vault.example.internal:8443",
}  # fmt: skip
POLICIES: dict[str, object] = {"environment.network_policies": True}
AIRFLOW_2: dict[str, object] = {"installation.airflow": "2.11.0"}
TASKS: dict[str, object] = {"executor.kind": "KubernetesExecutor"}


def arguments(made: Rendering) -> dict[str, Any]:
    options = values(made)["config"]["secrets"]
    return dict(json.loads(options["backend_kwargs"]))


def role(made: Rendering) -> dict[str, Any]:
    return dict(json.loads(made.tree.by_logical("vault/runtime-role").text))


def test_there_is_no_backend_unless_asked() -> None:
    made = rendering("production")
    assert "secrets" not in values(made)["config"]
    assert not [one.logical for one in made.tree.values() if "runtime" in one.logical]


@pytest.mark.parametrize("airflow", ["2.11.0", "3.2.2"])
def test_vault_is_the_stores_own_with_another_role(airflow: str) -> None:
    made = rendering("production", {
        **VAULT, "installation.airflow": airflow, "secrets.vault.ca.file": "ca.pem",
        "secrets.vault.namespace": "team-a", "secrets.vault.auth_mount": "k8s",
    })  # fmt: skip
    assert arguments(made) == {
        "url": "https://vault.example.internal:8200", "mount_point": "secret",
        "kv_engine_version": 2, "connections_path": "airflow/airflow/connections",
        "variables_path": "airflow/airflow/variables", "config_path": None,
        "auth_type": "kubernetes", "auth_mount_point": "k8s",
        "kubernetes_role": "external-secrets-airflow-runtime", "namespace": "team-a",
        "kubernetes_jwt_path": "/var/run/secrets/airflow-wizard/vault/token",
        "verify": "/etc/airflow-vault-ca/ca.crt",
    }  # fmt: skip
    found = values(made)
    mounts = {one["name"]: one["mountPath"] for one in found["volumeMounts"]}
    assert mounts["vault-token"] == "/var/run/secrets/airflow-wizard/vault"
    assert mounts["vault-ca"] == "/etc/airflow-vault-ca"
    [token] = [one for one in found["volumes"] if one["name"] == "vault-token"]
    [source] = token["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == role(made)["audience"] == "vault"
    assert not [str(one) for one in findings(made) if one.is_error]


@pytest.mark.parametrize(("ttl", "most"), [("20m", "1h"), ("1h", "1h"), ("90m", "90m")])
def test_a_token_lives_as_long_as_answered(ttl: str, most: str) -> None:
    made = rendering("production", {
        **VAULT, "secrets.vault.token_ttl": "5m", "secrets.backend.token_ttl": ttl,
    })  # fmt: skip
    assert (role(made)["token_ttl"], role(made)["token_max_ttl"]) == (ttl, most)
    own = json.loads(made.tree.by_logical("vault/role").text)
    assert (own["token_ttl"], own["token_max_ttl"]) == ("5m", "1h")
    for bad in ("59s", "24h1s", "0s", "1d", ""):
        found = validate_answers(filled("production", {"secrets.vault.token_ttl": bad})).problems
        assert [one.key for one in found] == ["secrets.vault.token_ttl"]


MAP = {"config_map": "team-cas", "key": "bundle.pem"}


def test_the_store_reads_the_ca_from_an_existing_config_map() -> None:
    made = rendering("production", {**VAULT, "secrets.vault.ca": MAP})
    store = yaml.safe_load(made.tree.by_logical("secrets/store").text)["spec"]["provider"]["vault"]
    assert store["caProvider"] == {"type": "ConfigMap", "name": "team-cas", "key": "bundle.pem"}
    assert "caBundle" not in store
    assert not [one for one in made.tree.values() if "vault-ca" in one.path]
    # Named in the answers, it is no finding of every plan; `check --live` looks for it.
    assert not [one for one in findings(made) if one.rule.endswith("store.ca")]
    assert arguments(made)["verify"] == "/etc/airflow-vault-ca/bundle.pem"
    [volume] = [one for one in values(made)["volumes"] if one["name"] == "vault-ca"]
    assert volume["configMap"] == {"name": "team-cas"}
    # With a file, too, it is for those who cannot read the ConfigMap.
    wide = {"secrets.scope": "cluster", "secrets.vault.ca": {**MAP, "file": "ca.pem"}}
    made = rendering("production", {**VAULT, **wide})
    store = yaml.safe_load(made.tree.by_logical("secrets/store").text)["spec"]["provider"]["vault"]
    assert store["caProvider"]["namespace"] == "external-secrets"
    assert arguments(made)["verify"] == "/etc/airflow-vault-ca/ca.crt"


@pytest.mark.parametrize(
    ("changes", "reader"),
    [
        ({**VAULT, "secrets.scope": "cluster"}, "Airflow's pods"),
        ({"delivery.argocd.credential": "store"}, "in namespace argocd"),
    ],
)
def test_who_cannot_read_the_config_map_needs_the_file(
    changes: dict[str, object], reader: str
) -> None:
    with pytest.raises(AnswersError) as refused:
        rendering("production", {**changes, "secrets.vault.ca": MAP})
    [problem] = refused.value.problems
    assert problem.key == "secrets.vault.ca.file"
    assert reader in problem.message


def test_task_pods_of_other_namespaces_log_in_too() -> None:
    changes = {**VAULT, **TASKS, "executor.multi_namespace": ["team-a"]}
    made = rendering("production", changes)
    assert role(made)["bound_service_account_namespaces"] == ["airflow", "team-a"]
    assert "ServiceAccounts in `team-a` too" in made.tree.by_logical("runbook").text
    payload = made.tree.by_logical("vault/role").text
    assert json.loads(payload)["bound_service_account_namespaces"] == ["airflow"]


def test_the_policy_reads_two_folders_and_never_the_payload() -> None:
    made = rendering("production", VAULT)
    grants = parse_policy(made.tree.by_logical("vault/runtime-policy").text)
    assert [(one.path, one.capabilities) for one in grants] == [
        ("secret/data/airflow/airflow/connections/*", ("read",)),
        ("secret/data/airflow/airflow/variables/*", ("read",)),
    ]
    own = parse_policy(made.tree.by_logical("vault/policy").text)
    assert [one.path for one in own] == ["secret/data/airflow-install/airflow/config"]
    assert not is_allowed(grants, own[0].path, "read")
    assert not is_allowed(own, "secret/data/airflow/airflow/connections/a", "read")
    assert role(made)["token_policies"] == ["external-secrets-airflow-runtime-read"]
    steps = [one.id for one in made.total.steps]
    assert steps.index("vault.auth") < steps.index("vault.runtime-policy")
    assert steps.index("vault.runtime-policy") < steps.index("vault.runtime-role")


@pytest.mark.parametrize(
    ("changes", "accounts"),
    [
        ({}, ["api-server", "scheduler", "dag-processor", "triggerer", "worker"]),
        (AIRFLOW_2, ["webserver", "scheduler", "dag-processor", "triggerer", "worker"]),
        (TASKS, ["api-server", "scheduler", "dag-processor", "triggerer", "worker"]),
        ({"executor.kind": "LocalExecutor"},
         ["api-server", "scheduler", "dag-processor", "triggerer"]),
    ],
)  # fmt: skip
def test_the_role_binds_exactly_the_components(
    changes: dict[str, object], accounts: list[str]
) -> None:
    named: dict[str, object] = {"installation.release": "data", "installation.namespace": "flows"}
    found = role(rendering("production", {**VAULT, **named, **changes}))
    assert found["bound_service_account_names"] == [f"data-airflow-{one}" for one in accounts]
    assert found["bound_service_account_namespaces"] == ["flows"]


def test_the_role_follows_accounts_in_values() -> None:
    more = {
        "scheduler": {"serviceAccount": {"create": False, "name": "planner"}},
        "workers": {"kubernetes": {"serviceAccount": {"create": True}}},
    }
    found = role(rendering("production", {**VAULT, **TASKS, "values": more}))
    assert found["bound_service_account_names"] == [
        "airflow-api-server", "planner", "airflow-dag-processor", "airflow-triggerer",
        "airflow-worker", "airflow-worker-kubernetes",
    ]  # fmt: skip


def test_without_an_audience_the_pods_use_their_own_token() -> None:
    made = rendering("production", {**VAULT, "secrets.vault.audience": "none"})
    assert "kubernetes_jwt_path" not in arguments(made)
    assert "volumes" not in values(made)
    assert role(made)["audience"] == ""


def test_another_vault_than_the_store_is_for_its_owner() -> None:
    made = rendering("production", {
        **OTHERS, "secrets.backend.role": "flows", "secrets.backend.mount": "kv",
        "secrets.backend.ca.file": "ca.pem", "secrets.backend.connections_path": "dags/c",
    })  # fmt: skip
    found = arguments(made)
    assert (found["url"], found["mount_point"], found["kubernetes_role"]) == (
        "https://other-vault.example.internal:8443", "kv", "flows",
    )  # fmt: skip
    assert made.tree.by_logical("vault/runtime-policy").path.endswith("flows-read.hcl")
    runbook = made.tree.by_logical("runbook").text
    assert "vault write auth/kubernetes/role/flows @vault/airflow/flows.json" in runbook
    assert not [one.id for one in made.total.steps if one.id.startswith("vault.")]
    assert not [str(one) for one in findings(made) if one.is_error]


def test_a_percent_sign_survives_airflows_parser() -> None:
    made = rendering("production", {**OTHERS, "secrets.backend.server": "https://v.example/a%2fb"})
    assert "%" not in values(made)["config"]["secrets"]["backend_kwargs"]
    assert arguments(made)["url"] == "https://v.example/a%2fb"


def test_azure_logs_in_by_workload_identity() -> None:
    made = rendering("production", AZURE)
    assert arguments(made) == {
        "connections_prefix": "airflow-connections", "variables_prefix": "airflow-variables",
        "config_prefix": None, "vault_url": "https://flow.vault.azure.net",
    }  # fmt: skip
    assert "AzureKeyVaultBackend" in values(made)["config"]["secrets"]["backend"]
    assert not [str(one) for one in findings(made) if one.is_error]


@pytest.mark.parametrize(
    ("changes", "port", "labels"),
    [
        (VAULT, 8200, ["api-server", "dag-processor", "scheduler", "triggerer", "worker"]),
        ({**OTHERS, **AIRFLOW_2}, 8443,
         ["dag-processor", "scheduler", "triggerer", "webserver", "worker"]),
    ],
)  # fmt: skip
def test_only_these_components_reach_it(
    changes: dict[str, object], port: int, labels: list[str]
) -> None:
    made = rendering("production", {**changes, **POLICIES})
    spec = yaml.safe_load(made.tree.by_logical("secrets/egress-vault").text)["spec"]
    assert spec["egress"] == [{"ports": [{"protocol": "TCP", "port": port}]}]
    assert spec["podSelector"]["matchExpressions"][0]["values"] == labels
    common = yaml.safe_load(made.tree.by_logical("secrets/egress").text)["spec"]["egress"]
    assert port not in [one["port"] for rule in common for one in rule.get("ports", [])]


def test_the_image_has_the_provider() -> None:
    image: dict[str, object] = {
        "installation.image.repository": "registry.example.com/airflow",
        "installation.image.tag": "r1",
    }
    for changes, package in ((VAULT, "hashicorp"), (AZURE, "microsoft-azure")):
        text = rendering("production", {**image, **changes}).tree.by_logical("image/requirements")
        assert f"apache-airflow-providers-{package}\n" in text.text


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"secrets.backend.connections_path": "airflow-install"}, "connections_path", "own keys"),
        ({"secrets.backend.variables_path": "airflow-install/airflow/config"}, "variables_path",
         "own keys"),
        ({"secrets.backend.variables_path": "team", "secrets.vault.path": "team/airflow"},
         "variables_path", "own keys"),
        ({"secrets.backend.connections_path": "secret/airflow/c"}, "connections_path",
         "leave out the mount"),
        ({"secrets.backend.connections_path": "a", "secrets.backend.variables_path": "a"},
         "variables_path", "beside"),
        ({"secrets.backend.connections_path": "a/b", "secrets.backend.variables_path": "a"},
         "variables_path", "beside"),
        ({"secrets.backend.role": "External-Secrets-Airflow"}, "role", "different role"),
        ({"delivery.argocd.credential": "store", "secrets.backend.variables_path":
          "airflow-install/airflow/argocd"}, "variables_path", "Argo CD's"),
        ({"delivery.argocd.credential": "store", "secrets.backend.role":
          "external-secrets-airflow-argocd"}, "role", "different role"),
    ],
)  # fmt: skip
def test_a_role_that_reads_more_is_refused(
    changes: dict[str, object], key: str, words: str
) -> None:
    found = validate_answers(filled("production", {**VAULT, **changes})).problems
    assert [one.key for one in found] == [f"secrets.backend.{key}"]
    assert words in found[0].message


def test_a_payload_on_another_mount_is_not_in_reach() -> None:
    changes = {**VAULT, "secrets.backend.mount": "kv", "secrets.backend.connections_path": "team",
               "secrets.vault.path": "team/airflow"}  # fmt: skip
    assert not validate_answers(filled("production", changes)).problems


def test_a_backend_needs_its_address() -> None:
    for changes, key in (({**OTHERS, "secrets.backend.server": ""}, "server"),
                         ({"secrets.backend.kind": "azure"}, "vault_url")):  # fmt: skip
        [problem] = validate_answers(filled("production", changes)).problems
        assert problem.key == f"secrets.backend.{key}"
        assert "is required" in problem.message
    path = {**AZURE, "secrets.backend.vault_url": "https://flow.vault.azure.net/secrets/x"}
    [problem] = validate_answers(filled("production", path)).problems
    assert problem.key == "secrets.backend.vault_url"
    assert "leave out the path" in problem.message
