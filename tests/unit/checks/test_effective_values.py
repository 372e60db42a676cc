"""Values that an Application adds to the values file: the rules judge the result, at its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.checks.trees import APPLICATION, VALUES, Case, good
from wizard.checks.engine import run_checks
from wizard.checks.subject import Layout
from wizard.declarations.argocd import compute_effective_values

HELM = "spec.sources.0.helm"
PLACE = "spec.sources[0].helm"
LOOSE = {"name": "GIT_SSL_NO_VERIFY", "value": "true"}
Change = Callable[[Case], object]


def helm(key: str, value: object) -> Change:
    return lambda case: case.set(APPLICATION, f"{HELM}.{key}", value)


def parameter(name: str, value: str, **more: object) -> Change:
    return helm("parameters", [{"name": name, "value": value, **more}])


def changed(change: Change) -> list[tuple[str, str]]:
    """The findings about the Application that the change causes, as rule and place."""
    case = good()
    before = {str(one) for one in case.run()}
    change(case)
    found = [one for one in case.run() if str(one) not in before]
    assert {one.path for one in found} <= {APPLICATION}
    return [(one.rule, one.where) for one in found]


RED: dict[str, tuple[Change, str, str]] = {
    "known hosts": (
        parameter("dags.gitSync.knownHosts", ""),
        "git-sync.known-hosts",
        f"{PLACE}.parameters[0]",
    ),
    "known hosts away": (
        parameter("dags.gitSync.knownHosts", "null"),
        "git-sync.known-hosts",
        f"{PLACE}.parameters[0]",
    ),
    "git-sync's verification": (
        helm("valuesObject", {"scheduler": {"env": [LOOSE]}}),
        "git-sync.verification",
        f"{PLACE}.valuesObject.scheduler.env[0].value",
    ),
    "hook switch as text": (
        parameter("migrateDatabaseJob.useHelmHooks", "true"),
        "values.job-hooks",
        f"{PLACE}.parameters[0]",
    ),
    "text instead of false": (
        parameter("migrateDatabaseJob.useHelmHooks", "false", forceString=True),
        "values.job-hooks",
        f"{PLACE}.parameters[0]",
    ),
    "other Secret": (
        helm("values", "fernetKeySecretName: other\n"),
        "reference.secret",
        f"{PLACE}.values.fernetKeySecretName",
    ),
    "no Secret": (
        helm("values", "fernetKeySecretName: null\n"),
        "values.generated-secret",
        f"{PLACE}.values.fernetKeySecretName",
    ),
    "unknown key": (
        parameter("scheduler.replica", "2"),
        "values.unknown-key",
        f"{PLACE}.parameters[0]",
    ),
    "another Airflow": (
        parameter("airflowVersion", "2.11.0"),
        "values.airflow-version",
        f"{PLACE}.parameters[0]",
    ),
    "component without a host": (
        parameter("redis.enabled", "false"),
        "values.missing-host",
        f"{PLACE}.parameters[0]",
    ),
    "hook of a Job": (
        helm("valuesObject", {"createUserJob": {"jobAnnotations": None}}),
        "argocd.job",
        f"{PLACE}.valuesObject.createUserJob.jobAnnotations",
    ),
}


@pytest.mark.parametrize(("change", "rule", "place"), RED.values(), ids=RED)
def test_a_value_is_judged_where_it_is_set(change: Change, rule: str, place: str) -> None:
    assert (rule, place) in changed(change)


GREEN: dict[str, Change] = {
    "parameter": parameter("scheduler.replicas", "2"),
    "same value": parameter("executor", "CeleryExecutor"),
    "list item": parameter("scheduler.env[0].name", "A"),
    "values": helm("values", "scheduler: {replicas: 2}\n"),
    "empty values": helm("values", ""),
    "valuesObject": helm("valuesObject", {"scheduler": {"replicas": 2}}),
}


@pytest.mark.parametrize("change", GREEN.values(), ids=GREEN)
def test_a_sound_value_is_no_finding(change: Change) -> None:
    assert changed(change) == []


def test_a_value_file_of_another_place_is_not_judged() -> None:
    """Somebody else's repository may keep it elsewhere: no rule can say that a value is missing."""

    def both(case: Case) -> None:
        helm("valueFiles", ["values-prod.yaml"])(case)
        case.set(APPLICATION, f"{HELM}.parameters", [{"name": "dags", "value": "null"}])

    assert changed(both) == []


APACHE = "https://airflow.apache.org"


@pytest.mark.parametrize(
    ("repository", "rules"), [(APACHE, True), ("https://airflow-helm.github.io/charts", False)]
)
def test_inline_values_of_apaches_chart_are_judged(repository: str, rules: bool) -> None:
    application = f"""apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: airflow, namespace: argocd}}
spec:
  project: airflow
  source:
    repoURL: {repository}
    chart: airflow
    targetRevision: 1.22.0
    helm: {{valuesObject: {{airflow: {{executor: CeleryExecutor}}}}}}
  destination: {{server: https://kubernetes.default.svc, namespace: airflow}}
"""
    found = run_checks(
        {"app.yaml": application.encode()},
        chart="1.22.0",
        airflow="3.2.2",
        installation=Layout(),
    )
    assert ("values.unknown-key" in {one.rule for one in found}) is rules
    assert {one.path for one in found} <= {"app.yaml"}


def merged(files: dict[str, bytes], **options: Any) -> tuple[dict[str, Any], list[str]]:
    source = {"chart": "airflow", "helm": {"valueFiles": ["$v/a.yaml"], **options}}
    spec = {"sources": [source, {"ref": "v"}]}
    found = compute_effective_values("app", spec, "spec.sources[0]", source, files.get)
    return found.values, [one.where for one in found.faults]


FILE = {"a.yaml": b"a: {b: 1, c: [1, 2]}\nd: 1\n"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"a": {"b": 1, "c": [1, 2]}, "d": 1}),
        ({"values": "a: {b: 2}"}, {"a": {"b": 2, "c": [1, 2]}, "d": 1}),
        ({"values": "a: null"}, {"a": None, "d": 1}),
        (
            {"values": "d: 2", "valuesObject": {"e": 3}},
            {"a": {"b": 1, "c": [1, 2]}, "d": 1, "e": 3},
        ),
        (
            {"valuesObject": {"d": 2}, "parameters": [{"name": "d", "value": "3"}]},
            {"a": {"b": 1, "c": [1, 2]}, "d": 3},
        ),
        (
            # Helm applies --set-string after --set, in whatever order Argo CD lists them.
            {
                "parameters": [
                    {"name": "d", "value": "3", "forceString": True},
                    {"name": "d", "value": "4"},
                ]
            },
            {"a": {"b": 1, "c": [1, 2]}, "d": "3"},
        ),
        (
            {"parameters": [{"name": "a.c[1]", "value": "x,y=z"}]},
            {"a": {"b": 1, "c": [1, "x,y=z"]}, "d": 1},
        ),
        (
            {"parameters": [{"name": "a.c", "value": "{x,y}"}]},
            {"a": {"b": 1, "c": ["x", "y"]}, "d": 1},
        ),
        (
            {
                "parameters": [{"name": "d", "value": "3"}],
                "fileParameters": [{"name": "d", "path": "$v/a.yaml"}],
            },
            {"a": {"b": 1, "c": [1, 2]}, "d": FILE["a.yaml"].decode()},
        ),
    ],
)
def test_values_are_merged_in_argo_cds_order(
    options: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert merged(FILE, **options) == (expected, [])


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"valueFiles": ["values.yaml"]}, "valueFiles[0]"),
        ({"valueFiles": ["$other/a.yaml"]}, "valueFiles[0]"),
        ({"valueFiles": ["$v/none.yaml"]}, "valueFiles[0]"),
        ({"valueFiles": ["https://example.com/a.yaml"]}, "valueFiles[0]"),
        ({"values": "[1]"}, "values"),
        ({"values": "a: [", "parameters": []}, "values"),
        ({"parameters": [{"name": "a", "value": "1"}, {"name": "a.b.c", "value": "2"}]},
         "parameters[1]"),
        ({"fileParameters": [{"name": "a", "path": "a.yaml"}]}, "fileParameters[0]"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(options: dict[str, Any], place: str) -> None:
    assert merged(FILE, **options)[1] == [f"spec.sources[0].helm.{place}"]


def test_the_values_file_alone_is_judged_once() -> None:
    case = good()
    case.set(VALUES, "fernetKeySecretName", "other")
    found = [one for one in case.run() if one.rule == "reference.secret"]
    assert [(one.path, one.where) for one in found] == [(VALUES, "fernetKeySecretName")]
