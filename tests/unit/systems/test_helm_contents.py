"""What a `helm uninstall` deletes by its name, and whose it is by now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.rendered import answers, rendering
from tests.support.repository import GitFolder
from wizard.clients.kube.protocol import Ref
from wizard.engine.steps import StepStatus
from wizard.errors import AnswersError
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.systems.argocd.tracking import TRACKING
from wizard.systems.helm import contents
from wizard.systems.target import Target

KEYS = {"delivery.kind": "helm", "repository.source": "git.example.com/acme/airflow"}
NAMESPACE = "airflow"
MANIFEST = """---
# Source: airflow/templates/a.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {text: "--- not a document"}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: two, namespace: other}}
- apiVersion: v1
  kind: Namespace
  metadata: {name: kept, annotations: {helm.sh/resource-policy: Keep}}
---
# empty
"""
HOOKS = """
---
apiVersion: batch/v1
kind: Job
metadata: {name: installed, annotations: {helm.sh/hook: "post-install,post-upgrade"}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: cleanup, annotations: {helm.sh/hook: "pre-upgrade, pre-delete"}}
"""
REF = Ref("v1", "ConfigMap", "airflow-config", NAMESPACE)
RENDERED = {
    "meta.helm.sh/release-name": "airflow", "meta.helm.sh/release-namespace": NAMESPACE,
}  # fmt: skip
HELM = {"app.kubernetes.io/managed-by": "Helm"}
ID = "hers:/ConfigMap:airflow/airflow-config"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    made: Path = tmp_path_factory.mktemp("config")
    release = rendering("production", KEYS).release
    return Target(answers("production", KEYS), release, GitFolder.init(made).repo, "", {})


def found(notes: dict[str, str], labels: dict[str, str], kind: str = "ConfigMap") -> Any:
    about = {"name": "airflow-config", "uid": "u", "annotations": notes, "labels": labels}
    return {"kind": kind, "metadata": about}


def test_what_an_uninstall_deletes() -> None:
    assert contents.read_deleted_refs(MANIFEST, NAMESPACE) == [
        Ref("v1", "ConfigMap", "one", NAMESPACE), Ref("v1", "Service", "two", "other"),
    ]  # fmt: skip
    assert contents.read_hook_refs(HOOKS, NAMESPACE) == [
        Ref("batch/v1", "Job", "cleanup", NAMESPACE)
    ]
    with pytest.raises(AnswersError):
        contents.read_deleted_refs("a: [", NAMESPACE)


@pytest.mark.parametrize(
    ("notes", "labels", "whose", "why"),
    [
        (RENDERED, HELM, "ours", ""),
        ({**RENDERED, TRACKING: "hers:/Secret:airflow/other"}, HELM, "ours", ""),
        ({**RENDERED, TRACKING: ID}, HELM, "another's", "Application hers"),
        ({**RENDERED, OWNER_ANNOTATION: "x#y"}, HELM, "another's", "installation y of x"),
        (RENDERED, {**HELM, "helm.toolkit.fluxcd.io/name": "x"}, "another's", "Flux"),
        (RENDERED, {"app.kubernetes.io/managed-by": "x"}, "another's", "managed-by=x"),
        ({**RENDERED, "meta.helm.sh/release-name": "x"}, HELM, "another's", "release airflow/x"),
        ({**RENDERED, "meta.helm.sh/release-namespace": "x"}, HELM, "another's", "x/airflow"),
        ({}, {"app.kubernetes.io/managed-by": "x"}, "another's", "managed-by=x"),
        ({}, HELM, "unknown", "does not say"),
        ({}, {"release": "airflow", "tier": "airflow"}, "unknown", "does not say"),
    ],
)
def test_whose_an_object_of_a_release_is(
    target: Target, notes: dict[str, str], labels: dict[str, str], whose: str, why: str
) -> None:
    one = found(notes, labels)
    owner = contents.judge_rendered(target, one, REF)
    assert (owner.whose, why in owner.reason) == (whose, True), owner
    refusals = contents.list_refusals(target, [contents.LiveObject(REF, one)])
    assert [refusal.state for refusal in refusals] == ([] if whose == "ours" else ["blocked"])


@pytest.mark.parametrize("kind", ["Namespace", "CustomResourceDefinition"])
def test_what_others_keep_things_in_blocks_whatever_is_named(target: Target, kind: str) -> None:
    live = contents.LiveObject(Ref("v1", kind, "x"), found(RENDERED, HELM, kind))
    kube: Any = None
    pieces: Any = ("volumes", "namespace")
    status = contents.find_data(kube, target, [live], pieces)
    assert isinstance(status, StepStatus)
    assert (status.state, f"{kind} x would be deleted" in status.detail) == ("blocked", True)
    assert "helm.sh/resource-policy: keep" in status.fix.text


def test_a_hook_replaces_what_has_its_name(target: Target) -> None:
    job = contents.LiveObject(REF, found(RENDERED, HELM, "Job"), is_hook=True)
    (refusal,) = contents.list_refusals(target, [job])
    assert "name of a hook" in refusal.detail
