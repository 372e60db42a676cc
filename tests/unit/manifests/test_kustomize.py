"""What a kustomization may do to objects that must stay as they are written."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from wizard.manifests.kustomize import Kustomized, kustomize

STORE = """apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: vault, namespace: airflow, labels: {owner: wizard}, annotations: {wave: "1"}}
"""
POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: egress, namespace: airflow}
spec: {podSelector: {matchLabels: {release: airflow}}}
"""
GROUP = "apiVersion: external-secrets.io/v1\n"
CLUSTER_STORE = f"{GROUP}kind: ClusterSecretStore\nmetadata: {{name: c}}\n"
CA = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca, namespace: airflow}\n"
OWN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\n"
OWN_SECRET = f"{GROUP}kind: ExternalSecret\nmetadata: {{name: mine}}\n"
ROOT = "apps/kustomization.yaml"


def run(options: dict[str, Any], own: str = OWN, ours: str = STORE, **files: str) -> Kustomized:
    """The result of a kustomization with one guarded file and one of its owner."""
    data = {"resources": ["ours.yaml", "own.yaml"], **options}
    paths = {name: name.replace("__", "/").replace("_", ".") for name in files}
    tree = {
        ROOT: yaml.safe_dump(data),
        "apps/ours.yaml": ours,
        "apps/own.yaml": own,
        **{f"apps/{paths[name]}": text for name, text in files.items()},
    }

    def read(path: str) -> bytes | None:
        return tree[path].encode() if path in tree else None

    return kustomize(ROOT, read, frozenset(["apps/ours.yaml"]))


def patch(**target: str) -> dict[str, Any]:
    return {"patches": [{"target": target, "patch": "- {op: remove, path: /spec}"}]}


def replacement(*fields: str) -> dict[str, Any]:
    """A replacement in the owner's ConfigMap; without fields, kustomize sets its name."""
    target = {"select": {"kind": "ConfigMap"}, **({"fieldPaths": [*fields]} if fields else {})}
    return {"replacements": [{"source": {"kind": "ConfigMap"}, "targets": [target]}]}


RED: dict[str, tuple[dict[str, Any], str]] = {
    "name": (patch(name="vault"), "patches[0]"),
    "kind": (patch(kind="SecretStore"), "patches[0]"),
    "group": (patch(group="external-secrets.io"), "patches[0]"),
    "namespace": (patch(namespace="airflow"), "patches[0]"),
    "alternatives": (patch(name="a|vault"), "patches[0]"),
    "any letter": (patch(name="v.ult"), "patches[0]"),
    "a pattern": (patch(name="va[u]lt"), "patches[0]"),
    "everything": (patch(), "patches[0]"),
    "a list without a target": ({"patches": [{"patch": "- {op: remove, path: /a}"}]}, "patches[0]"),
    "a rename": (
        {
            "patches": [
                {"target": {"name": "own"}, "patch": OWN, "options": {"allowNameChange": True}}
            ]
        },
        "patches[0]",
    ),
    "another kind": (
        {
            "patches": [
                {"target": {"name": "own"}, "patch": OWN, "options": {"allowKindChange": True}}
            ]
        },
        "patches[0]",
    ),
    "a list of patches": (
        {"patches": [{"patch": f"kind: ConfigMapList\nmetadata: {{name: x}}\nitems: []\n{''}"}]},
        "patches[0]",
    ),
    "two documents": ({"patches": [{"patch": f"{OWN}---\n{STORE}"}]}, "patches[0]"),
    "no kind": ({"patches": [{"patch": "metadata: {name: own}\n"}]}, "patches[0]"),
    "broken patch": ({"patches": [{"patch": "a: [\n"}]}, "patches[0]"),
    "namespace of all": ({"namespace": "other"}, "namespace"),
    "our label": ({"labels": [{"pairs": {"owner": "me"}}]}, "labels[0].pairs.owner"),
    "our annotation": ({"commonAnnotations": {"wave": "9"}}, "commonAnnotations.wave"),
    "label of Argo CD": (
        {"commonLabels": {"argocd.argoproj.io/secret-type": "repository"}},
        "commonLabels.argocd.argoproj.io/secret-type",
    ),
    "labels in other fields": (
        {"labels": [{"pairs": {"a": "b"}, "fields": [{"path": "spec"}]}]},
        "labels[0].fields",
    ),
    "owner's mark": ({"labels": "x", "namePrefix": "x"}, "namePrefix"),
    "replacement by pattern": (
        {"replacements": [{"targets": [{"select": {"name": ".*"}}]}]},
        "replacements[0]",
    ),
    "replacement of a name": (replacement("data.a", "metadata.name"), "replacements[0]"),
    "replacement of all metadata": (replacement("metadata"), "replacements[0]"),
    "replacement of a kind": (replacement("kind"), "replacements[0]"),
    "replacement of any field": (replacement("*.name"), "replacements[0]"),
    "replacement without fields": (replacement(), "replacements[0]"),
    "objects that are not applied": (
        {"commonAnnotations": {"config.kubernetes.io/local-config": "true"}},
        "commonAnnotations.config.kubernetes.io/local-config",
    ),
    "objects with a hash in the name": (
        {"commonAnnotations": {"internal.config.kubernetes.io/needsHashSuffix": "enabled"}},
        "commonAnnotations.internal.config.kubernetes.io/needsHashSuffix",
    ),
    "identity in a cloud": (
        {"commonAnnotations": {"azure.workload.identity/tenant-id": "x"}},
        "commonAnnotations.azure.workload.identity/tenant-id",
    ),
    "replacement without target": ({"replacements": [{"targets": []}]}, "replacements[0]"),
    "unknown field": ({"somethingNew": [1]}, "somethingNew"),
}


@pytest.mark.parametrize(("options", "place"), RED.values(), ids=RED)
def test_what_may_reach_a_guarded_object_is_named(options: dict[str, Any], place: str) -> None:
    assert place in [where for _, where, _ in run(options).faults]


GREEN: dict[str, dict[str, Any]] = {
    "other name": patch(name="own"),
    "other names": patch(name="own|other"),
    "longer name": patch(name="vault-2"),
    "other kind": patch(kind="ConfigMap"),
    "other group": patch(group="apps", version="v1"),
    "other namespace": patch(namespace="other", kind=".*"),
    "own object": {"patches": [{"patch": OWN}]},
    "own objects": {"patchesStrategicMerge": [f"{OWN}---\n{CA}"]},
    "same namespace": {"namespace": "airflow"},
    "new label": {"commonLabels": {"team": "data"}},
    "same label": {"labels": [{"pairs": {"owner": "wizard"}, "includeSelectors": True}]},
    "new annotation": {"commonAnnotations": {"team": "data"}},
    "images": {"images": [{"name": "a", "newTag": "1"}]},
    "replicas": {"replicas": [{"name": "vault", "count": 2}]},
    "own replacement": replacement("data.a", "metadata.labels.a"),
    "own ConfigMap": {"configMapGenerator": [{"name": "made", "literals": ["a=b"]}]},
    "origin": {"buildMetadata": ["originAnnotations"]},
    "order": {"sortOptions": {"order": "fifo"}},
    "empty fields": {"components": [], "namePrefix": "", "patches": None},
}


@pytest.mark.parametrize("options", GREEN.values(), ids=GREEN)
def test_what_leaves_guarded_objects_alone_passes(options: dict[str, Any]) -> None:
    result = run(options)
    assert result.faults == []
    assert result.paths - {ROOT} == {"apps/ours.yaml", "apps/own.yaml"}


@pytest.mark.parametrize(
    ("options", "ours", "place"),
    [
        ({"commonLabels": {"team": "data"}}, POLICY, "commonLabels"),
        ({"labels": [{"pairs": {"a": "b"}, "includeSelectors": True}]}, POLICY, "labels[0].pairs"),
        ({"namespace": "airflow"}, CLUSTER_STORE, "namespace"),
        (
            {"configMapGenerator": [{"name": "ca", "behavior": "merge"}]},
            CA,
            "configMapGenerator[0]",
        ),
        ({"secretGenerator": [{"name": "x"}]}, CA, "secretGenerator[0]"),
        ({"buildMetadata": ["managedByLabel"]}, CA, "buildMetadata"),
        (
            {"images": [{"name": "x"}]},
            "kind: Job\nmetadata: {name: j}\nspec: {template: {spec: {containers: []}}}\n",
            "images",
        ),
        (
            {"replicas": [{"name": "d"}]},
            "kind: Deployment\nmetadata: {name: d}\nspec: {replicas: 1}\n",
            "replicas",
        ),
    ],
)
def test_some_fields_depend_on_the_object(options: dict[str, Any], ours: str, place: str) -> None:
    assert [where for _, where, _ in run(options, ours=ours).faults] == [place]


def test_a_patch_of_somebody_elses_secret_is_not_accepted() -> None:
    """Its result could write one of our Secrets."""
    for options in (patch(name="mine"), {"patches": [{"patch": OWN_SECRET}]}, {"namePrefix": "x"}):
        assert run(options, own=OWN_SECRET).faults
    assert run({"commonAnnotations": {"a": "b"}}, own=OWN_SECRET).faults == []


def test_included_kustomizations_are_judged_by_what_they_contain() -> None:
    inner = "resources: [a.yaml]\nnamePrefix: x-\npatches: [{path: p.yaml}]\n"
    options = {"resources": ["ours.yaml", "in"]}
    free = run(options, in__kustomization_yaml=inner, in__a_yaml=OWN, in__p_yaml=OWN)
    assert free.faults == []
    assert free.paths == {"apps/ours.yaml", "apps/in/a.yaml"}
    assert [one.metadata("name") for one in free.objects] == ["vault", "x-own"]

    outer = {"resources": ["in"]}
    taken = "resources: [../ours.yaml]\nnamePrefix: x-\n"
    assert [
        (path, where) for path, where, _ in run(outer, in__kustomization_yaml=taken).faults
    ] == [("apps/in/kustomization.yaml", "namePrefix")]
    for unread in ("components: [x]", "helmCharts: [{name: x}]", "generators: [x.yaml]"):
        assert run(options, in__kustomization_yaml=f"{unread}\n").faults


def test_what_is_not_here_is_told_apart() -> None:
    elsewhere = ["https://example.com/x", "git@example.com:a/b", "github.com/a/b", "x?ref=v1"]
    remote = run({"resources": ["ours.yaml", *elsewhere]})
    assert remote.faults == []
    assert [where for _, where in remote.remote] == [f"resources[{n}]" for n in range(1, 5)]
    assert run({"resources": ["ours.yaml", "none.yaml"]}).missing == ["apps/none.yaml"]


def test_a_kustomization_that_includes_itself_ends() -> None:
    assert run(
        {"resources": ["ours.yaml", "in"]}, in__kustomization_yaml="resources: [..]\n"
    ).faults


def test_kustomizations_that_share_others_are_read_once_each() -> None:
    """Every level includes the next one twice, by two names: 2 to the 24 ways."""
    files = {}
    for level in range(24):
        for side in ("l", "r"):
            text = f"resources: [../l{level + 1}, ../r{level + 1}]\n"
            files[f"{side}{level}__kustomization_yaml"] = text
    files |= {f"{side}24__kustomization_yaml": "resources: [../own.yaml]\n" for side in "lr"}

    found = run({"resources": ["ours.yaml", "l0", "r0"]}, **files)

    assert found.faults == []
    assert [one.path for one in found.objects] == ["apps/ours.yaml", "apps/own.yaml"]


def test_overlays_that_rename_do_not_multiply_without_end() -> None:
    """2 to the 24 objects, with names of 24 times 10,000 letters."""
    files = {}
    for level in range(24):
        for side in ("l", "r"):
            inner = f"l{level + 1}, ../r{level + 1}" if level < 23 else "own.yaml"
            text = f"namePrefix: {side * 10_000}\nresources: [../{inner}]\n"
            files[f"{side}{level}__kustomization_yaml"] = text
    started = time.process_time()

    found = run({"resources": ["ours.yaml", "l0", "r0"]}, **files)

    assert time.process_time() - started < 20
    assert "more than 2000 objects" in {message for _, _, message in found.faults}
    assert max(len(str(one.metadata("name"))) for one in found.objects) < 300
    assert "apps/ours.yaml" in found.paths


def test_two_kustomizations_in_a_folder_are_reported() -> None:
    found = run({}, kustomization_yml="resources: []\n")
    assert [path for path, _, _ in found.faults] == ["apps/kustomization.yml"]


@pytest.mark.parametrize("text", ["a|", "a.", "(a+)+", "a/", "."])
def test_patterns_are_compared_in_linear_time(text: str) -> None:
    def measure(length: int) -> float:
        options = patch(name=text * (length // len(text)))
        started = time.process_time()
        run(options)
        return time.process_time() - started

    measure(1000)
    once, twice = (min(measure(size) for _ in range(3)) for size in (100_000, 200_000))
    assert twice < 4 * once + 0.05
