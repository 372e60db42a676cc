"""Argo CD's objects: sources, order, rights and the namespace, as the answers say."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.rendered import findings, objects, rendering
from wizard.plan.render import Rendering

WAVE = "argocd.argoproj.io/sync-wave"
OPTIONS = "argocd.argoproj.io/sync-options"


def load(made: Rendering, logical: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(made.tree.by_logical(logical).text)
    return found


def test_values_come_from_sources_with_a_ref_never_from_source() -> None:
    spec = load(rendering("production"), "argocd/application")["spec"]
    assert "source" not in spec
    chart, repository = spec["sources"]
    assert (chart["chart"], chart["targetRevision"]) == ("airflow", "1.22.0")
    assert chart["helm"]["valueFiles"] == ["$values/apps/airflow/airflow-values.yaml"]
    assert (repository["ref"], repository["path"]) == ("values", "apps/airflow")


def test_paths_start_at_the_top_of_the_git_repository() -> None:
    changes: dict[str, object] = {
        "repository.path": "platform/airflow",
        "delivery.argocd.applications": "two",
    }
    made = rendering("production", changes)
    spec = load(made, "argocd/application")["spec"]
    values = "$values/platform/airflow/apps/airflow/airflow-values.yaml"
    assert spec["sources"][0]["helm"]["valueFiles"] == [values]
    secrets = load(made, "argocd/secrets-application")["spec"]["source"]
    assert secrets["path"] == "platform/airflow/apps/airflow"
    parent = load(made, "argocd/bootstrap/parent")["spec"]["source"]
    assert parent["path"] == "platform/airflow/argocd/airflow"


def test_one_application_orders_by_waves_and_never_prunes_a_secret() -> None:
    changes: dict[str, object] = {"secrets.vault.ca.file": "ca.pem"}
    found = [item for item in objects(rendering("production", changes)) if "metadata" in item]
    waves = {item["kind"]: item["metadata"].get("annotations", {}).get(WAVE) for item in found}
    assert waves["ServiceAccount"] == waves["ConfigMap"] == waves["NetworkPolicy"] == "-7"
    assert (waves["SecretStore"], waves["ExternalSecret"]) == ("-6", "-5")
    for item in found:
        options = item["metadata"].get("annotations", {}).get(OPTIONS, "")
        assert (options == "Prune=false,Delete=false") == (item["kind"] == "ExternalSecret")


def test_two_applications_have_a_parent_with_few_rights() -> None:
    made = rendering("gitops-vault")
    waves = [
        load(made, f"argocd/{name}")["metadata"]["annotations"][WAVE]
        for name in ("secrets-application", "application")
    ]
    assert waves == ["5", "10"]
    project = load(made, "argocd/bootstrap/project")["spec"]
    assert project["clusterResourceWhitelist"] == []
    assert project["namespaceResourceWhitelist"] == [
        {"group": "argoproj.io", "kind": "Application"}
    ]
    parent = load(made, "argocd/bootstrap/parent")["spec"]
    assert parent["source"]["directory"] == {"include": "{application,secrets-application}.yaml"}
    runbook = made.tree.by_logical("runbook").text
    assert "resource.customizations.health.argoproj.io_Application" in runbook
    # The parent goes first, or it would put the others back.
    assert "delete application airflow-parent airflow airflow-secrets" in runbook
    assert "kubectl delete clustersecretstore vault-airflow" in runbook


@pytest.mark.parametrize(("scope", "kinds"), [
    ("namespace", ["Namespace"]),
    ("cluster", ["Namespace", "ClusterSecretStore"]),
])  # fmt: skip
def test_the_project_allows_what_is_used_and_no_more(scope: str, kinds: list[str]) -> None:
    hub = "https://hub.example.internal:6443"
    changes: dict[str, object] = {"secrets.scope": scope, "delivery.argocd.destination": hub}
    made = rendering("production", changes)
    spec = load(made, "argocd/project")["spec"]
    assert spec["sourceRepos"] == [
        "https://airflow.apache.org",
        "ssh://git@git.example.com/platform/k8s-infra.git",
    ]
    assert spec["destinations"] == [{"server": hub, "namespace": "airflow"}]
    assert [item["kind"] for item in spec["clusterResourceWhitelist"]] == kinds
    assert load(made, "argocd/application")["spec"]["destination"]["server"] == hub


@pytest.mark.parametrize("level", ["none", "baseline", "restricted"])
def test_pod_security_labels_reach_the_namespace(level: str) -> None:
    made = rendering("production", {"environment.pod_security": level})
    policy = load(made, "argocd/application")["spec"]["syncPolicy"]
    labels = policy.get("managedNamespaceMetadata", {}).get("labels", {})
    expected = {} if level == "none" else {"pod-security.kubernetes.io/enforce": level}
    assert labels == expected
    laptop = rendering("local", {"environment.pod_security": level}).tree.by_logical("kind-up").text
    assert ("kubectl label --overwrite namespace" in laptop) == (level != "none")
    command = "kubectl label --overwrite namespace airflow"
    for label, value in expected.items():
        assert f"{command} {label}={value}\n" in laptop


def test_a_laptop_with_vault_makes_no_secret_by_hand() -> None:
    tree = rendering("production", {"delivery.kind": "kind"}).tree
    runbook, script = (tree.by_logical(name).text for name in ("runbook", "kind-up"))
    assert "bash apps/airflow/up.sh\n" in runbook
    for text in (runbook, script):
        assert "openssl" not in text
        assert "create secret" not in text
    assert "airflow-wizard secrets" not in script
    command = "kubectl apply --server-side --field-manager=airflow-wizard -k apps/airflow"
    assert command in script


def test_the_project_allows_exactly_the_kinds_that_render() -> None:
    def kinds(**more: object) -> tuple[set[str], set[str]]:
        made = rendering("production", {"executor.kind": "KubernetesExecutor", "values": more})
        spec = load(made, "argocd/project")["spec"]
        assert "argocd.project-kind" not in {one.rule for one in findings(made)}
        allowed, denied = (
            {item["kind"] for item in spec[f"{name}list"]}
            for name in ("clusterResourceWhite", "namespaceResourceBlack")
        )
        return allowed, denied

    limits = {"ResourceQuota", "LimitRange"}
    assert kinds() == ({"Namespace"}, limits)
    assert kinds(quotas={"pods": "10"}) == ({"Namespace"}, {"LimitRange"})
    assert kinds(limits=[{"type": "Pod"}]) == ({"Namespace"}, {"ResourceQuota"})
    high = [{"name": "high", "value": 1}]
    assert kinds(priorityClasses=high) == ({"Namespace", "PriorityClass"}, limits)
    roles = {"ClusterRole", "ClusterRoleBinding"}
    assert kinds(multiNamespaceMode=True) == ({"Namespace", *roles}, limits)
    assert kinds(multiNamespaceMode=True, rbac={"create": False}) == ({"Namespace"}, limits)
