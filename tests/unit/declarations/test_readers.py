"""Values, versions and places that each reader finds, by the rules of its tool."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.declarations.catalogue import read_declarations
from wizard.declarations.declaration import Declaration
from wizard.declarations.tree import Parsed, Tree
from wizard.formats.yaml_untrusted import parse_yaml


def read(files: dict[str, str]) -> tuple[Declaration, ...]:
    raw = {path: text.encode() for path, text in files.items()}
    documents = tuple(
        Parsed(path, number, data)
        for path in raw
        if path.endswith(".yaml")
        for number, data in enumerate(parse_yaml(path, raw[path])[0])
        if isinstance(data, dict)
    )
    return read_declarations(Tree(raw, documents))


RELEASE = """apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: airflow, namespace: data}
spec:
  targetNamespace: af
  chart: {spec: {chart: airflow, version: 1.21.0, sourceRef: {kind: HelmRepository, name: a}}}
  valuesFrom:
  - {kind: ConfigMap, name: first}
  - {kind: ConfigMap, name: first, valuesKey: size, targetPath: scheduler.replicas}
  values: {executor: LocalExecutor, images: {airflow: {tag: 3.1.8-python3.12}}}
"""
MAPS = """apiVersion: v1
kind: ConfigMap
metadata: {name: first}
data:
  size: "4"
  values.yaml: |
    executor: CeleryExecutor
    scheduler: {replicas: 1}
    workers: {replicas: 2}
"""


def test_flux_merges_config_maps_in_order_and_values_last() -> None:
    (one,) = read({"release.yaml": RELEASE, "maps.yaml": MAPS})
    assert one.values["executor"] == "LocalExecutor"
    assert one.values["scheduler"] == {"replicas": 4}
    assert (one.chart, one.airflow, one.namespace) == ("1.21.0", "3.1.8", "af")
    assert one.release == "af-airflow"
    assert one.locate("workers.replicas") == (
        "maps.yaml",
        'data."values.yaml".workers.replicas',
        True,
    )
    assert one.locate("executor") == ("release.yaml", "spec.values.executor", True)


def test_a_patch_of_an_overlay_is_read_on_top_of_its_release() -> None:
    patch = """apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: airflow}
spec: {values: {executor: KubernetesExecutor}}
"""
    found = read({"base/release.yaml": RELEASE, "maps.yaml": MAPS, "prod/patch.yaml": patch})
    assert [(one.path, one.values["executor"]) for one in found] == [
        ("base/release.yaml", "LocalExecutor"),
        ("prod/patch.yaml", "KubernetesExecutor"),
    ]
    assert found[1].values["workers"] == {"replicas": 2}
    assert found[1].locate("executor")[:2] == ("prod/patch.yaml", "spec.values.executor")


def test_a_chart_from_a_registry_has_the_version_of_its_tag() -> None:
    files = {
        "a.yaml": RELEASE.replace(
            "chart: {spec: {chart: airflow, version: 1.21.0, sourceRef: {kind: HelmRepository, "
            "name: a}}}",
            "chartRef: {kind: OCIRepository, name: af}",
        ),
        "b.yaml": """apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: af}
spec: {url: oci://registry.example.com/charts/airflow, ref: {tag: 1.20.0}}
""",
    }
    (one,) = read(files)
    assert (one.chart, one.chart_place) == ("1.20.0", ("b.yaml", "spec.ref.tag"))


def test_an_alias_and_a_condition_are_helms() -> None:
    chart = (
        "name: w\ndependencies: [{name: airflow, alias: af, version: 1.22.0, "
        "repository: https://airflow.apache.org, condition: af.enabled}]\n"
    )
    values = "af: {enabled: true, executor: LocalExecutor}\nother: {a: 1}\n"
    (one,) = read({"c/Chart.yaml": chart, "c/values.yaml": values})
    assert one.values == {"executor": "LocalExecutor"}
    assert one.locate("executor") == ("c/values.yaml", "af.executor", True)
    assert one.locate("fernetKeySecretName") == ("c/values.yaml", "af.fernetKeySecretName", False)


def test_an_application_sets_parameters_below_the_dependency() -> None:
    files = {
        "c/Chart.yaml": "name: w\ndependencies: [{name: airflow, version: 1.22.0}]\n",
        "c/values.yaml": "airflow: {executor: LocalExecutor}\n",
        "c/prod.yaml": "airflow: {scheduler: {replicas: 2}}\n",
        "app.yaml": """apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: prod}
spec:
  source:
    repoURL: https://git.example.com/a.git
    path: c
    helm:
      valueFiles: [prod.yaml]
      parameters: [{name: airflow.scheduler.replicas, value: "5"}, {name: other, value: x}]
  destination: {namespace: prod}
""",
    }
    (one,) = read(files)
    assert one.values == {"executor": "LocalExecutor", "scheduler": {"replicas": 5}}
    assert one.locate("scheduler.replicas")[:2] == ("app.yaml", "spec.source.helm.parameters[0]")
    assert (one.release, one.namespace, one.chart) == ("prod", "prod", "1.22.0")


def test_helmsman_is_read_from_toml_too() -> None:
    state = """[helmRepos]
apache = "https://airflow.apache.org"
[apps.af]
chart = "apache/airflow"
version = "1.22.0"
namespace = "af"
valuesFiles = ["a.yaml", "b.yaml"]
[apps.af.setString]
"scheduler.replicas" = "3"
"""
    files = {
        "x/dsf.toml": state,
        "x/a.yaml": "executor: LocalExecutor\n",
        "x/b.yaml": "executor: x\n",
    }
    (one,) = read(files)
    assert one.values == {"executor": "x", "scheduler": {"replicas": "3"}}
    assert (one.kind, one.release, one.namespace) == ("Helmsman app", "af", "af")


@pytest.mark.parametrize(
    ("merge", "replicas"), [("", 2), ("override", 2), ("merge", 1), ("replace", 2)]
)
def test_kustomize_merges_values_as_it_is_told(merge: str, replicas: int) -> None:
    chart = (
        "helmCharts:\n- name: airflow\n  repo: https://airflow.apache.org\n  version: 1.22.0\n"
        "  valuesFile: a.yaml\n  additionalValuesFiles: [b.yaml]\n"
        f"  valuesMerge: '{merge}'\n"
        "  valuesInline: {executor: LocalExecutor, scheduler: {replicas: 2}}\n"
    )
    files = {
        "k/kustomization.yaml": chart,
        "k/a.yaml": "executor: A\nscheduler: {replicas: 1}\nflower: {enabled: true}\n",
        "k/b.yaml": "executor: B\n",
    }
    (one, *rest) = read(files)
    assert one.values["executor"] == "B"
    assert one.values["scheduler"] == {"replicas": replicas}
    assert ("flower" in one.values) is (merge != "replace")
    # A file that the kustomization names and does not use is read on its own.
    assert [more.path for more in rest] == (["k/a.yaml"] if merge == "replace" else [])


KINDS: dict[str, Any] = {
    "list": "[1, 2]",
    "text": "a",
    "number keys": "{1: 2}",
    "no mapping": "spec: [1]",
    "sources": "kind: Application\napiVersion: argoproj.io/v1\nspec: {sources: [1, {chart: [a]}]}",
    "source": (
        "kind: Application\napiVersion: argoproj.io/v1\nspec: {source: {chart: airflow, helm: 1}}"
    ),
    "values": (
        "kind: HelmRelease\napiVersion: helm.toolkit.fluxcd.io/v2\n"
        "spec: {chart: {spec: {chart: airflow}}, valuesFrom: [1, {}], values: 3}"
    ),
    "apps": "apps: {a: 1, b: {chart: x/airflow, set: [1], valuesFiles: {a: 1}, version: [1]}}",
    "chart": "dependencies: [1, {name: airflow, version: 1, alias: [1], condition: 3}]",
    "generator": "configMapGenerator: [{name: a, files: [1, a=b]}, 1]",
}


@pytest.mark.parametrize("name", KINDS)
def test_no_reader_breaks_on_the_wrong_types(name: str) -> None:
    for path in ("a.yaml", "Chart.yaml", "kustomization.yaml"):
        for one in read({path: KINDS[name]}):
            assert isinstance(one.values, dict)
