"""Rules on a pod template of one's own: each fault of it is named, a complete one is silent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import yaml

from tests.support.public_files import POD
from tests.support.rendered import answers, findings, rendering
from tests.unit.checks.test_declared_values import flux
from wizard.checks.engine import read_subject as read_subject
from wizard.checks.engine import run_checks
from wizard.checks.pod_template import check_pod_template
from wizard.checks.references import check_references
from wizard.checks.run import build_layout
from wizard.checks.subject import Layout, Subject
from wizard.findings import Finding
from wizard.formats.yaml_writer import dump_yaml
from wizard.plan.render import render

KEY = "executor.task_pods.template"
OWN: dict[str, object] = {
    "executor.kind": "KubernetesExecutor",
    KEY: "pod.yaml",
    "dags.source": "volume",
    "dags.volume.existing_claim": "dags",
}
TWO: dict[str, object] = {"installation.airflow": "2.11.0"}
Change = Callable[[dict[str, Any]], object]


def judge(change: Change, more: dict[str, object] | None = None) -> list[Finding]:
    """The findings about the template after a change, and about what only it brings."""
    pod = yaml.safe_load(POD)
    change(pod)
    return judge_text(yaml.safe_dump(pod), more)


@cache
def subject(more: str) -> Subject:
    """What the checks see of the installation with these answers."""
    made = rendering("production", {**OWN, **json.loads(more)})
    files = {path: file.data for path, file in made.tree.items()}
    version = ".".join(map(str, made.release.airflow))
    return read_subject(files, made.release.chart, version, build_layout(made))[0]


def judge_text(text: str, more: dict[str, object] | None = None) -> list[Finding]:
    one = subject(json.dumps(more or {}))
    one = replace(one, values={**(one.values or {}), "podTemplate": text})
    found = [*check_pod_template(one), *check_references(one)]
    return [item for item in found if "pod" in item.rule or item.where == "podTemplate"]


def nothing(_pod: dict[str, Any]) -> None:
    """Change nothing."""


def base(pod: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = pod["spec"]["containers"][0]
    return first


def without_mount(path: str) -> Change:
    def change(pod: dict[str, Any]) -> None:
        mounts = base(pod)["volumeMounts"]
        base(pod)["volumeMounts"] = [one for one in mounts if one["mountPath"] != path]

    return change


def variable(name: str, secret: str) -> Change:
    source = {"secretKeyRef": {"name": secret, "key": "k"}}
    return lambda pod: base(pod)["env"].append({"name": name, "valueFrom": source})


POLICIES: dict[str, object] = {"environment.network_policies": True}
CONFIG = "/opt/airflow/airflow.cfg"
# what it is, rule, severity, words, change, more answers
RED: list[tuple[str, str, str, str, Change, dict[str, object]]] = [
    ("second", "unusable", "error", "name the first one base", lambda pod: pod["spec"][
        "containers"].insert(0, {"name": "side"}), {}),
    ("two of them", "unusable", "error", "and no other", lambda pod: pod["spec"][
        "containers"].append({"name": "base"}), {}),
    ("started again", "unusable", "error", "start a task again", lambda pod: pod["spec"].pop(
        "restartPolicy"), {}),
    ("no Pod", "unusable", "error", "kind: Pod", lambda pod: pod.update(kind="Job"), {}),
    ("namespace", "no-effect", "warning", "metadata.namespace", lambda pod: pod["metadata"].update(
        namespace="other"), {}),
    ("image", "no-effect", "warning", "image", lambda pod: base(pod).update(image="a:1"), {}),
    ("account", "service-account", "warning", "spec.serviceAccountName: airflow-worker",
     lambda pod: pod["spec"].pop("serviceAccountName"), {}),
    ("labels", "labels", "error", "release: airflow", lambda pod: pod["metadata"].pop("labels"),
     POLICIES),
    ("label", "labels", "error", "component: worker", lambda pod: pod["metadata"]["labels"].update(
        component="task"), POLICIES),
    ("no airflow.cfg", "configuration", "error", "no task finds", without_mount(CONFIG), {}),
    ("another's airflow.cfg", "configuration", "error", "airflow-config", lambda pod: pod["spec"][
        "volumes"][0]["configMap"].update(name="mine"), {}),
    ("no DAGs", "dags", "error", "/opt/airflow/dags", without_mount("/opt/airflow/dags"), {}),
    ("a CA", "mounts", "warning", "volumeMounts[0]", nothing,
     {"database.sslmode": "verify-full", "database.ca.file": "ca.pem"}),
    ("variables", "variables", "warning", "AIRFLOW__CORE__PARALLELISM (env[1])", nothing,
     {"environment.variables": {"AIRFLOW__CORE__PARALLELISM": "9"}}),
]  # fmt: skip


def test_a_complete_template_is_silent() -> None:
    assert judge(nothing) == judge(nothing, POLICIES) == []


@pytest.mark.parametrize(("what", "rule", "severity", "words", "change", "more"), RED)
def test_each_fault_is_named(
    what: str, rule: str, severity: str, words: str, change: Change, more: dict[str, object]
) -> None:
    [found] = judge(change, more)
    assert (found.rule, found.severity) == (f"pod-template.{rule}", severity), what
    assert words in f"{found.message} {found.fix.text}"
    assert found.fix.question == KEY


def judge_foreign(pod: str, change: Mapping[str, object], *, release: str = "") -> list[Finding]:
    """The findings about the template in a repository of others, with or without a HelmRelease."""
    values = {**(subject(json.dumps(POLICIES)).values or {}), "podTemplate": pod, **change}
    files = {"values.yaml": dump_yaml(values)}
    if release:
        files = {"release.yaml": flux({"values": values, "releaseName": release})}
    found = run_checks(
        {path: text.encode() for path, text in files.items()},
        chart="1.22.0",
        airflow="3.2.2",
        installation=Layout(),
    )
    return [one for one in found if one.where.endswith("podTemplate")]


PROD = (
    POD.replace("release: airflow", "release: prod")
    .replace("name: airflow-config", "name: prod-config")
    .replace("airflow-worker", "prod-airflow-worker")
    .replace("  labels:", "  namespace: data\n  labels:")
)


def test_a_release_that_no_file_names_is_not_guessed() -> None:
    assert judge_foreign(PROD, {}) == []
    broken = PROD.replace("    release: prod\n", "").replace("prod-config", "settings")
    found = judge_foreign(broken, {})
    rules = {"pod-template.labels", "pod-template.configuration", "git-sync.mount"}
    assert {one.rule for one in found} == rules
    assert not [one for one in found if "airflow-config" in f"{one.message} {one.fix.text}"]


def test_a_release_that_a_file_names_has_its_names() -> None:
    pod = PROD.replace("  namespace: data\n", "")
    assert judge_foreign(pod, {}, release="prod") == []
    rules = {one.rule for one in judge_foreign(PROD, {}, release="other")}
    names = ("labels", "configuration", "service-account", "no-effect")
    assert rules == {"git-sync.mount", *(f"pod-template.{one}" for one in names)}
    pod = pod.replace("prod-config", "prod-airflow-config")
    assert judge_foreign(pod, {"useStandardNaming": True}, release="prod") == []


def test_tasks_of_airflow_2_need_the_database() -> None:
    [found] = judge(nothing, TWO)
    assert found.severity == "error"
    assert "SQL_ALCHEMY_CONN" in found.fix.text
    assert "FERNET_KEY" in found.fix.text

    def complete(pod: dict[str, Any]) -> None:
        base(pod)["env"] += [
            {"name": name, "valueFrom": {"secretKeyRef": {"name": f"airflow-{secret}", "key": key}}}
            for name, secret, key in (
                ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "metadata", "connection"),
                ("AIRFLOW__CORE__FERNET_KEY", "fernet-key", "fernet-key"),
            )
        ]

    assert judge(complete, TWO) == []


def test_a_secret_that_nobody_makes_is_named() -> None:
    [found] = judge(variable("TOKEN", "others"))
    assert (found.rule, found.where) == ("reference.secret", "podTemplate")
    assert judge(variable("TOKEN", "airflow-metadata")) != []  # it has no key k


def test_values_for_the_replaced_pod_are_named() -> None:
    found = judge(nothing, {"components.schedule.tasks.priority_class": "low"})
    [one] = [one for one in found if one.rule == "pod-template.no-effect"]
    assert one.where == "workers.kubernetes.priorityClassName"


def test_the_variables_of_the_template_count() -> None:
    """What a variable of the template sets is part of the configuration in effect."""

    def hosted(pod: dict[str, Any]) -> None:
        without_mount(CONFIG)(pod)
        url = "http://elsewhere.example.internal:8080/execution/"
        base(pod)["env"] += [{"name": "AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "value": url}]

    found = judge(hosted)
    assert [one.severity for one in found if one.rule == "pod-template.configuration"] == [
        "warning"
    ]


def test_a_password_in_the_template_is_refused() -> None:
    token = "gh" + "p_" + "A1b2C3d4" * 4 + "E5f6"
    found = answers("production", OWN)
    assert not [one for one in findings(render(found, {KEY: POD})) if one.is_error]
    text = POD.replace("value: UTC", f"value: {token}")
    found_there = findings(render(found, {KEY: text}))
    secrets = [one for one in found_there if one.rule.startswith("secret")]
    places = {one.path.rpartition("/")[2] for one in secrets if one.severity == "error"}
    assert places >= {"airflow-values.yaml", "pod.yaml"}
    assert token not in str(found_there)
