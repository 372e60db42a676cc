"""A hostile text in any answer is refused by its type, or stays plain text in every file."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

import pytest

from tests.support.existing import OTHERS
from tests.support.hostile_texts import (
    CHECKED,
    HOSTILE,
    assert_readers_agree,
    assert_says_what_to_do,
    loaded,
)
from tests.support.rendered import filled, findings, rendering
from wizard.answers.files import parse_answers, validate_answers
from wizard.answers.questions import FieldSpec, field_specs
from wizard.formats.nested import get_value, put_value
from wizard.formats.types import has_hidden
from wizard.plan.render import Rendering
from wizard.stores.vault.checks.hcl import parse_policy

IMAGE = {"repository": "registry.example.com/airflow", "tag": "r1", "pull_secret": "registry"}
SSO: dict[str, object] = {
    "access.base_url": "https://airflow.example.com",
    "access.login": "oauth",
    "access.oauth.client_id": "airflow",
    "access.oauth.roles": {"airflow-admins": "Admin"},
}
CONTEXTS: list[tuple[str, dict[str, object]]] = [
    ("production", {"installation.image": IMAGE, "logs.kind": "volume"}),
    (
        "production",
        {
            "logs.kind": "remote",
            "logs.destination": "elasticsearch",
            "logs.url": "https://search.example.internal:9200",
            "logs.user": "airflow",
            "logs.ca.file": "search.pem",
        },
    ),
    ("production", {"logs.kind": "remote", "logs.url": "s3://example-logs"}),
    (
        "production",
        {
            "secrets.backend.kind": "azure",
            "secrets.backend.vault_url": "https://example.vault.azure.net",
        },
    ),
    ("production", {"executor.kind": "LocalExecutor,KubernetesExecutor"}),
    (
        "production",
        {
            "database.sslmode": "verify-full",
            "database.ca.file": "pg.pem",
            "database.pgbouncer": {"mode": "external", "host": "pool.example.internal"},
            "database.result_backend": {"kind": "separate", "host": "results.example.internal"},
            "broker": {"kind": "external", "host": "redis.example.internal"},
        },
    ),
    ("gitops-vault", {"secrets.vault.ca.config_map": "team-cas"}),
    ("production", {"secrets.store": "azure", "delivery.argocd.credential": "store"}),
    ("production", {"secrets.store": "aws", "delivery.argocd.credential": "store"}),
    (
        "production",
        {
            "logs.kind": "volume",
            "logs.backing": "azure-blob",
            "logs.blob.account": "airflowlogs",
        },
    ),
    ("production", {"executor.workers.autoscaling": "keda"}),
    (
        "production",
        {
            "dags.repo": "https://git.example.com/a/b.git",
            "dags.credentials": {"needed": True, "username": "reader"},
            "delivery.argocd.repo_url": "https://git.example.com/platform/k8s-infra.git",
            "delivery.argocd.credential": "store",
            "delivery.argocd.username": "argocd",
        },
    ),
    ("production", OTHERS),
    ("production", {**OTHERS, "database.pgbouncer.mode": "off"}),
    (
        "production",
        {
            "access.kind": "ingress",
            "access.base_url": "https://airflow.example.com",
            "access.tls.issuer": "letsencrypt",
            "access.tls.secret": "ui-certificate",
            "metrics.kind": "statsd",
            "metrics.target": "statsd.example.internal:9125",
        },
    ),
    (
        "production",
        {
            "access.kind": "httproute",
            "access.base_url": "https://airflow.example.com",
            "access.gateway": {"name": "public", "namespace": "gateways"},
        },
    ),
    (
        "production",
        {
            "executor.kind": "KubernetesExecutor",
            "environment.quota": {"cpu": "99", "memory": "999Gi"},
            "access.kind": "loadbalancer",
            "access.base_url": "https://airflow.example.com",
            "access.annotations": {"example.com/certificate": "ui"},
            "access.tls.annotation": "example.com/certificate",
        },
    ),
    ("production", {**SSO, "access.oauth.tenant": "example.onmicrosoft.com"}),
    (
        "production",
        {
            **SSO,
            "access.login": "proxy",
            "installation.airflow": "2.11.0",
            "secrets.store": "existing",
            "access.oauth.provider": "okta",
            "access.oauth.issuer": "https://example.okta.com",
        },
    ),
    ("production", {"secrets.store": "existing", "dags.source": "bundle"}),
    (
        "production",
        {
            "database.kind": "cloudnativepg",
            "database.cluster": {
                "backup": {"url": "s3://backups/airflow", "auth": "keys"},
                "storage_class": "fast",
            },
        },
    ),
    ("production", {"dags.source": "volume", "dags.volume.size": "2Gi"}),
    (
        "local",
        {
            "installation.airflow": "2.11.0",
            "dags.credentials": {"needed": True, "username": "reader"},
            "secrets.store": "existing",
        },
    ),
    (
        "production",
        {
            **OTHERS,
            "logs.kind": "remote",
            "logs.url": "s3://example-logs",
            "secrets.backend.kind": "vault",
            "secrets.backend.server": "https://vault2.example.internal:8200",
            "secrets.backend.ca.file": "vault2.pem",
        },
    ),
    (
        "production",
        {
            **OTHERS,
            "logs.kind": "remote",
            "logs.destination": "elasticsearch",
            "logs.url": "https://search.example.internal:9200",
            "logs.user": "airflow",
        },
    ),
    (
        "production",
        {
            **OTHERS,
            "logs.kind": "remote",
            "logs.destination": "opensearch",
            "installation.image": {"repository": "registry.example.com/airflow", "tag": "r1"},
            "logs.url": "https://search.example.internal:9200",
            "logs.user": "airflow",
        },
    ),
]
TEXTS = [item for item in field_specs() if item.kind == "text"]


@cache
def asked_in(number: int) -> tuple[FieldSpec, ...]:
    """The text questions that apply in this context."""
    found = validate_answers(filled(*CONTEXTS[number])).answers
    assert found is not None
    return tuple(item for item in TEXTS if item.applies(found))


@cache
def plain(number: int, key: str) -> Rendering:
    """The context with a harmless word as this answer, where that is a possible answer."""
    preset, changes = CONTEXTS[number]
    word = {**changes, key: "word"}
    return rendering(preset, changes if validate_answers(filled(preset, word)).problems else word)


def refusals(number: int, text: str) -> dict[str, str]:
    """What the types say where every text question of the context gets this answer."""
    data = filled(*CONTEXTS[number])
    for item in asked_in(number):
        data = put_value(data, item.path, text)
    return {problem.key: problem.message for problem in validate_answers(data).problems}


@pytest.mark.parametrize("how", HOSTILE)
def test_hostile_text_is_refused_or_stays_text(how: str) -> None:
    text, done = HOSTILE[how], set()
    for number, (preset, changes) in enumerate(CONTEXTS):
        refused = refusals(number, text)
        accepted: dict[str, str] = {}
        for item in asked_in(number):
            if item.key in done:
                continue
            done.add(item.key)
            if item.key in refused:
                assert_says_what_to_do(refused[item.key], text)
                continue
            assert not has_hidden(text)
            accepted[item.key] = text
            made = rendering(preset, {**changes, item.key: text})
            again = get_value(
                parse_answers(made.tree.by_logical("answers").text, "answers"), item.path
            )
            assert again in {text, text.rstrip("/"), text.casefold()}, item.key
            assert_only_text_differs(made, plain(number, item.key))
            if how in CHECKED:
                assert not [str(finding) for finding in findings(made) if finding.is_error]
        if accepted:
            assert_readers_agree(
                accepted_together(preset, changes, accepted), rendering(preset, changes)
            )
    assert done == {item.key for item in TEXTS}


def accepted_together(
    preset: str, changes: Mapping[str, Any], accepted: Mapping[str, str]
) -> Rendering:
    """One rendering with as many of these answers as are possible beside each other."""
    together = dict(changes)
    for key, text in accepted.items():
        if not validate_answers(filled(preset, {**together, key: text})).problems:
            together[key] = text
    assert together != changes
    return rendering(preset, together)


def test_hostile_environment_variables_stay_text() -> None:
    for text in HOSTILE.values():
        data = filled("production", {"environment.variables": {"N": text}})
        found = validate_answers(data)
        if has_hidden(text):
            [problem] = found.problems
            assert problem.key == "environment.variables.N"
            continue
        made = rendering("production", {"environment.variables": {"N": text}})
        env = loaded(made.tree.by_logical("values").text)["env"]
        assert {"name": "N", "value": text} in env
    names = ["a b", "1A", "A-B", "", "A\nB", "{{A}}", "A=B"]
    for name in names:
        data = filled("production", {"environment.variables": {name: "x"}})
        assert [item.key for item in validate_answers(data).problems], name


def assert_only_text_differs(made: Rendering, plain_one: Rendering) -> None:
    """The same files with the same structure: nothing in an answer became syntax."""
    assert len(made.tree) == len(plain_one.tree)
    for logical in ("values", "kustomization", "secrets/store", "argocd/application"):
        if any(file.logical == logical for file in plain_one.tree.values()):
            ours, theirs = (shape_of(m.tree.by_logical(logical).text) for m in (made, plain_one))
            assert ours == theirs, logical
    if any(file.logical == "vault/policy" for file in plain_one.tree.values()):
        [grant] = parse_policy(made.tree.by_logical("vault/policy").text)
        assert grant.capabilities == ("read",)
        role = json.loads(made.tree.by_logical("vault/role").text)
        assert set(role) == set(json.loads(plain_one.tree.by_logical("vault/role").text))
    assert words(made.tree.by_logical("runbook").text) == words(
        plain_one.tree.by_logical("runbook").text
    )


@lru_cache(256)
def shape_of(text: str) -> Any:
    """The shape of a YAML file; most answers change few files, so most texts come again."""
    return shape(loaded(text))


def shape(node: Any) -> Any:
    """Types and keys without texts; names of variables and Secrets do not count."""
    if isinstance(node, dict):
        return {key: shape(value) for key, value in node.items()}
    if isinstance(node, list):
        return [shape(item) for item in node]
    return type(node).__name__


@lru_cache(256)
def words(text: str) -> list[int]:
    """How many words a shell sees in each command of a runbook."""
    blocks: list[str] = re.findall(r"^```bash\n(.*?)\n```$", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    return [len(shlex.split(line.rstrip("\\"), comments=True)) for line in lines]
