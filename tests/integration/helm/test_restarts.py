"""The workloads that a change restarts by our table are those whose pods the chart changes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.rendered import assets, values
from tests.support.scenarios import NEEDED, SCENARIOS, WITHOUT_OTHER, Scenario
from wizard.answers.files import validate_answers, with_value
from wizard.answers.model import Answers
from wizard.answers.questions import field_specs
from wizard.chart.restarts import find_fixed_volumes, find_restarts, list_workloads
from wizard.formats.nested import get_value
from wizard.plan.render import Rendering, render
from wizard.stores.sops.questions import Recipient

pytestmark = pytest.mark.integration

PODS = ("Deployment", "StatefulSet")
# For questions whose default is no answer on its own.
OTHERS: dict[str, object] = {
    "access.annotations": {"example.com/certificate": "other"},
    "access.base_url": "https://other.example.com",
    "access.gateway.name": "other",
    "access.gateway.namespace": "others",
    "access.oauth.ca.file": "other.pem",
    "access.oauth.client_id": "other",
    "access.oauth.issuer": "https://sso.example.com",
    "access.oauth.provider": "oidc",
    "access.oauth.roles": {"others": "Admin"},
    "access.oauth.tenant": "11111111-2222-3333-4444-666666666666",
    "access.tls.annotation": "example.com/older",
    "access.sources": ["192.168.0.0/16"],
    "database.ca.file": "other.pem",
    "database.host": "pg2.example.internal",
    "database.pgbouncer.host": "pooler2.example.internal",
    "database.result_backend.host": "results2.example.internal",
    "delivery.argocd.username": "other",
    "environment.proxy.http": "http://proxy2.example.internal:3128",
    "environment.proxy.https": "http://proxy2.example.internal:3128",
    "environment.quota.default_cpu": "60m",
    "environment.quota.default_memory": "64Mi",
    "delivery.argocd.vault.auth_mount": "other",
    "dags.ca.file": "other.pem",
    "dags.credentials.username": "other",
    "executor.task_pods.template": "other.yaml",
    "installation.image.registry": "registry.example.com/other",
    "installation.image.repository": "registry.example.com/other",
    "installation.image.tag": "other",
    "logs.blob.account": "otherlogs",
    "logs.ca.file": "other.pem",
    "logs.url": "s3://other-logs",
    "logs.user": "other",
    "metrics.target": "metrics2.example.internal:9125",
    "secrets.aws.role_arn": "arn:aws:iam::123456789012:role/other",
    "secrets.azure.client_id": "cccccccc-2222-3333-4444-555555555555",
    "secrets.azure.tenant_id": "11111111-2222-3333-4444-666666666666",
    "secrets.azure.vault_url": "https://kv-other.vault.azure.net",
    "secrets.sops.recipients": [
        Recipient(
            key="age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
            holder="another team",
            verified="read out by Ada",
        )
    ],
    "secrets.backend.ca.file": "other.pem",
    "secrets.backend.server": "https://vault3.example.internal:8200",
    "secrets.backend.vault_url": "https://other.vault.azure.net",
    "secrets.vault.server": "https://vault2.example.internal:8200",
}
# Other names or another system, and addresses that change together with their host keys.
UNTRIED = {
    "access.kind",
    "dags.repo",
    "database.kind",
    "delivery.argocd.repo_url",
    "delivery.kind",
    "installation.chart",
    "installation.namespace",
    "installation.release",
    "logs.destination",
    "secrets.aws.region",
    "secrets.store",
}


def made(answers: Answers) -> Rendering:
    return render(answers, assets(answers))


@cache
def workloads(helm: Path, chart: Path, text: str, namespace: str, release: str) -> dict[str, Any]:
    """What helm makes of these values: each workload of the chart by the last part of its name."""
    done = subprocess.run(
        [helm, "template", release, chart, "--namespace", namespace, "--values", "-"],
        input=text, capture_output=True, text=True, check=True, timeout=180,
    )  # fmt: skip
    objects = [one for one in yaml.safe_load_all(done.stdout) if one and one["kind"] in PODS]
    return {
        one["metadata"]["name"].removeprefix(f"{release}-"): {"kind": one["kind"], **one["spec"]}
        for one in objects
    }


def changed(old: Mapping[str, Any], new: Mapping[str, Any], part: str) -> set[str]:
    return {
        name
        for name in old
        if name in new
        and old[name]["kind"] == new[name]["kind"]
        and old[name].get(part) != new[name].get(part)
    }


@cache
def scenario_of(name: str) -> Answers:
    newest = {"installation.chart": "1.22.0"}
    scenario = Scenario({**NEEDED, **SCENARIOS[name].answers, **newest})
    whole = validate_answers(scenario.data).answers
    assert whole is not None
    return whole


def changes_of(name: str) -> Iterator[tuple[str, Answers, Answers]]:
    """Each question of a scenario, with the answers before and after a change of its own."""
    whole = scenario_of(name)
    for item in field_specs():
        found = get_value(whole, item.path)
        if item.key in UNTRIED or found == item.default or not item.applies(whole):
            continue
        for other in (item.default, OTHERS.get(item.key)):
            changed = with_value(whole, item.path, other)
            before = validate_answers(changed.model_dump(by_alias=True, exclude_none=True))
            if before.answers is None or before.problems:
                continue
            yield item.key, before.answers, whole
            break


def test_each_question_is_tried() -> None:
    tried = {key for name in SCENARIOS for key, *_ in changes_of(name)}
    assert {item.key for item in field_specs()} - tried == UNTRIED | WITHOUT_OTHER


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", SCENARIOS)
def test_each_question_restarts_what_the_table_says(
    name: str, helm: Path, airflow_chart: Path
) -> None:
    wrong: dict[str, Any] = {}
    for key, *both in changes_of(name):
        old, new = map(made, both)
        names = new.release.names
        assert (old.release.names, old.release.chart) == (names, "1.22.0")
        texts = [one.tree.by_logical("values").text for one in (old, new)]
        specs = [workloads(helm, airflow_chart, t, names.namespace, names.release) for t in texts]
        real = changed(specs[0], specs[1], "template")
        fixed = changed(specs[0], specs[1], "volumeClaimTemplates")
        was, now = values(old), values(new)
        running = set(list_workloads(was, old.release.airflow))
        stay = running & set(list_workloads(now, new.release.airflow))
        hit = find_restarts(was, now, local=new.release.local, task_pods=new.release.kubernetes)
        predicted = {one for one in hit if one in stay}
        if running != set(specs[0]):
            wrong[f"{key} (workloads)"] = running ^ set(specs[0])
        replaced = {one for one in stay if specs[0][one]["kind"] != specs[1][one]["kind"]}
        if predicted != real | replaced:
            wrong[key] = {"table": predicted - real, "chart": real - predicted}
        local = old.release.local and new.release.local
        if {one for one in find_fixed_volumes(was, now, local=local) if one in stay} != fixed:
            wrong[f"{key} (volumes)"] = fixed
    assert not wrong, "\n".join(f"{key}: {text}" for key, text in wrong.items())
