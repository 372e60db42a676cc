"""A real API server refuses pods under the store's ServiceAccount, and only those."""

from __future__ import annotations

import time

import pytest
import yaml

from tests.support.rendered import rendering
from tests.testbed.kube import Kube, RejectedError

pytestmark = pytest.mark.integration


def pod(name: str, namespace: str, account: str) -> str:
    spec = {"serviceAccountName": account, "containers": [{"name": "main", "image": "airflow"}]}
    metadata = {"name": name, "namespace": namespace}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def account(name: str, namespace: str) -> str:
    metadata = {"name": name, "namespace": namespace}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def until_refused(kube: Kube, text: str) -> str:
    """The refusal; the server takes a new policy into account some moments later."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            kube.dry_run(text)
        except RejectedError as error:
            return str(error)
        time.sleep(0.1)
    return "never refused"


def test_no_pod_runs_under_the_stores_account(kube: Kube) -> None:
    made = rendering("production", {"installation.namespace": "guarded"})
    own, other = "airflow-external-secrets", "airflow-worker"
    for namespace in ("guarded", "elsewhere"):
        for name in (own, other):
            kube.apply(account(name, namespace))
    for part in ("policy", "binding"):
        kube.apply(made.tree.by_logical(f"argocd/bootstrap/store-account-{part}").text)
    refused = until_refused(kube, pod("stolen", "guarded", own))
    assert "belongs to the secrets store alone" in refused
    kube.dry_run(pod("task", "guarded", other))
    kube.dry_run(pod("task", "elsewhere", own))


def test_the_guard_is_outside_of_what_argo_cd_syncs() -> None:
    made = rendering("production")
    guard = made.tree.by_logical("argocd/bootstrap/store-account-policy")
    assert guard.path.startswith("argocd/airflow/bootstrap/")
    application = yaml.safe_load(made.tree.by_logical("argocd/application").text)
    assert [source.get("path") for source in application["spec"]["sources"]] == [
        None,
        "apps/airflow",
    ]
    assert " -f " + guard.path in made.tree.by_logical("runbook").text
    laptop = rendering("production", {"delivery.kind": "kind"})
    assert laptop.tree.by_logical("secrets/store-account-policy").path.startswith("apps/")
    cluster = rendering("production", {"secrets.scope": "cluster"})
    assert not [file for file in cluster.tree.values() if "store-account" in file.path]
