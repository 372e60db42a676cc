"""An AppProject of somebody else: not emitted, not claimed, and judged as Argo CD judges it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.support.rendered import answers, findings, objections, rendering
from wizard.deliveries.argocd.project import describe_needs, find_missing, find_needs
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.handover.scripts import render_handover
from wizard.plan.claims import derive_claims

KIND = "delivery.argocd.project_kind"
EXISTING: dict[str, object] = {KIND: "existing", "delivery.argocd.project": "data-platform"}
GIT = "ssh://git@git.example.com/platform/k8s-infra.git"
SERVER = "https://kubernetes.default.svc"
WIDE: Mapping[str, Any] = {
    "sourceRepos": ["https://airflow.apache.org", GIT],
    "destinations": [{"server": SERVER, "namespace": "airflow"}],
    "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
}


def missing(changes: Mapping[str, Any], more: Mapping[str, object] | None = None) -> list[str]:
    """What a project that differs from WIDE does not allow."""
    given = {**EXISTING, **(more or {})}
    made = rendering("production", given)
    argo = argocd_answers(answers("production", given).delivery)
    needs = find_needs(made.release, argo.settings(made.release), made.total)
    return list(find_missing({**WIDE, **changes}, needs))


def test_no_project_is_emitted_and_the_application_names_it() -> None:
    made = rendering("production", EXISTING)
    assert "AppProject" not in {one.get("kind") for one in map(yaml.safe_load, [
        file.text for path, file in made.tree.items() if path.startswith("argocd/")
    ])}  # fmt: skip
    spec = yaml.safe_load(made.tree.by_logical("argocd/application").text)["spec"]
    assert spec["project"] == "data-platform"
    assert not [str(one) for one in findings(made) if one.is_error]
    (step,) = [one for one in made.total.steps if one.id == "argocd.project"]
    assert (step.title, step.owner) == (
        "Check that AppProject data-platform allows this installation",
        "platform",
    )
    runbook = made.tree.by_logical("runbook").text
    assert "argocd/airflow/project.yaml" not in runbook
    assert "AppProject `data-platform` allows this installation" in runbook


def test_several_installations_may_share_an_existing_project() -> None:
    def claim(changes: dict[str, object]) -> set[str]:
        return derive_claims({"delivery": {"argocd": {"project": "x", **changes}}}, "").projects

    assert claim({"project_kind": "existing"}) == set()
    assert claim({}) == {"x"}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"delivery.argocd.project": "default"}, "delivery.argocd.project"),
        ({"delivery.argocd.applications": "two"}, "delivery.argocd.applications"),
    ],
)
def test_what_does_not_go_with_it(changes: dict[str, object], key: str) -> None:
    assert any(key in one for one in objections("production", {**EXISTING, **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sourceRepos": ["*"]},
        {"sourceRepos": ["https://airflow.apache.org", "ssh://git@git.example.com/platform/*"]},
        # Argo CD compares without ssh:// and .git.
        {"sourceRepos": ["https://airflow.apache.org", "git@git.example.com:platform/k8s-infra"]},
        {"sourceRepos": ["**", "!ssh://git@git.example.com/secret/*"]},
        {"sourceRepos": ["https://{airflow,kafka}.apache.org", GIT]},
        {"destinations": [{"server": "*", "namespace": "air*"}]},
        {"destinations": [{"name": "in-cluster", "namespace": "airflow"}]},
        {"destinations": [*WIDE["destinations"], {"server": SERVER, "namespace": "!kube-system"}]},
        {"clusterResourceWhitelist": [{"group": "*", "kind": "*"}]},
        {"namespaceResourceWhitelist": [{"group": "*", "kind": "*"}]},
        {"namespaceResourceBlacklist": [{"group": "", "kind": "ResourceQuota"}]},
    ],
)
def test_a_project_that_allows_it(changes: dict[str, Any]) -> None:
    assert missing(changes) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sourceRepos": []}, ["sourceRepos: https://airflow.apache.org", f"sourceRepos: {GIT}"]),
        ({"sourceRepos": ["https://*"]}, [f"sourceRepos: {GIT}"]),
        # A star stops at a slash.
        ({"sourceRepos": ["https://airflow.apache.org", "ssh://git@git.example.com/*"]},
         [f"sourceRepos: {GIT}"]),
        ({"sourceRepos": ["*", f"!{GIT}"]}, [f"sourceRepos: {GIT}"]),
        ({"sourceRepos": None}, ["sourceRepos: https://airflow.apache.org", f"sourceRepos: {GIT}"]),
        ({"destinations": [{"server": SERVER, "namespace": "other"}]},
         [f"destinations: server {SERVER}, namespace airflow"]),
        ({"destinations": [{"server": "*", "namespace": "*"},
                           {"server": SERVER, "namespace": "!airflow"}]},
         [f"destinations: server {SERVER}, namespace airflow"]),
        ({"destinations": [{"server": "*", "namespace": "*"},
                           {"server": f"!{SERVER}", "namespace": "*"}]},
         [f"destinations: server {SERVER}, namespace airflow"]),
        ({"clusterResourceWhitelist": []}, ["clusterResourceWhitelist: Namespace"]),
        ({"clusterResourceBlacklist": [{"group": "*", "kind": "Name*"}]},
         ["clusterResourceWhitelist: Namespace"]),
        ({"namespaceResourceBlacklist": [{"group": "batch", "kind": "Job"}]},
         ["namespaceResourceWhitelist: batch/Job"]),
        ({"namespaceResourceBlacklist": [{"group": "external-secrets.io", "kind": "*"}]},
         ["namespaceResourceWhitelist: external-secrets.io/SecretStore",
          "namespaceResourceWhitelist: external-secrets.io/ExternalSecret"]),
    ],
)  # fmt: skip
def test_a_project_that_does_not(changes: dict[str, Any], says: list[str]) -> None:
    assert missing(changes) == says


def test_the_needs_follow_the_answers() -> None:
    more: dict[str, object] = {
        "secrets.scope": "cluster",
        "executor.multi_namespace": ["tasks"],
        "executor.kind": "CeleryExecutor,KubernetesExecutor",
        "installation.chart_repository": "oci://registry.example.com/charts",
    }
    assert missing({}, more) == [
        "sourceRepos: registry.example.com/charts",
        "clusterResourceWhitelist: external-secrets.io/ClusterSecretStore",
        "clusterResourceWhitelist: rbac.authorization.k8s.io/ClusterRole",
        "clusterResourceWhitelist: rbac.authorization.k8s.io/ClusterRoleBinding",
    ]
    budget: dict[str, object] = {"environment.network_policies": True}
    denied = {"namespaceResourceBlacklist": [{"group": "networking.k8s.io", "kind": "*"}]}
    assert "namespaceResourceWhitelist: networking.k8s.io/NetworkPolicy" in missing(denied, budget)


def test_what_is_described_is_enough() -> None:
    made = rendering("production", EXISTING)
    found = answers("production", EXISTING)
    argo = argocd_answers(found.delivery)
    needs = find_needs(made.release, argo.settings(made.release), made.total)
    assert find_missing(describe_needs(needs), needs) == ()
    committed = {file.logical: file.text for file in made.tree.values()}
    script = "\n".join(render_handover(found, made, committed)["platform"].values())
    assert "AppProject data-platform is yours and is not changed here" in script
    assert "argo get appproject data-platform -n argocd" in script
    assert "kind: AppProject" not in script
    for kind in needs.kinds:
        assert f"kind: {kind.kind}" in script
