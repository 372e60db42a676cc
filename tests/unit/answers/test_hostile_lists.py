"""A hostile text anywhere in a list or a mapping is refused by its key, or stays plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.existing import OTHERS
from tests.support.hostile_texts import (
    CHECKED,
    HOSTILE,
    assert_readers_agree,
    assert_says_what_to_do,
)
from tests.support.rendered import filled, findings, rendering
from wizard.answers.files import parse_answers, validate_answers
from wizard.answers.questions import field_specs
from wizard.formats.messages import UNKNOWN_KEY
from wizard.formats.nested import get_value, walk
from wizard.formats.types import has_hidden

BUNDLE = {
    "name": "fin", "repo": "https://git.example.com/a/b.git", "ref": "main", "subpath": "dags",
    "period": "30s", "username": "reader", "login": {"store": True},
}  # fmt: skip
TOLERATION = {"key": "spot", "value": "true", "effect": "NoSchedule"}
# Each context with the lists and mappings that are tried in it.
CONTEXTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {
            "executor.kind": "CeleryExecutor,KubernetesExecutor",
            "access.base_url": "https://airflow.example.com",
            "access.kind": "loadbalancer",
            "access.annotations": {"example.com/certificate": "one"},
            "access.tls.annotation": "example.com/certificate",
            "access.login": "oauth",
            "access.oauth.client_id": "airflow",
            "access.oauth.tenant": "example.onmicrosoft.com",
            "environment.proxy.http": "http://proxy.example.internal:3128",
            "installation.image.repository": "registry.example.com/airflow",
            "installation.image.tag": "r1",
            "metrics.service_monitor": True,
        },
        {
            "access.oauth.roles": {"airflow-admins": "Admin"},
            "access.sources": ["10.0.0.0/8"],
            "components.pod_annotations": {"ad.datadoghq.com/tags": "data"},
            "components.pod_labels": {"team": "data"},
            "components.schedule.services.node_selector": {"pool": "services"},
            "components.schedule.services.tolerations": [TOLERATION],
            "components.schedule.tasks.node_selector": {"pool": "tasks"},
            "components.schedule.tasks.tolerations": [TOLERATION],
            "components.service_account.annotations": {"eks.amazonaws.com/role-arn": "arn:aws:a"},
            "components.service_account.by_component": [
                {"component": "worker", "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:b"}},
            ],
            "dags.git_sync.variables": {"GITSYNC_SYNC_TIMEOUT": "5m"},
            "environment.egress": [
                {"port": 1433, "host": "mssql.example.internal"},
                {"port": 389, "cidr": "10.20.0.0/16", "components": ["api-server"]},
            ],
            "environment.proxy.no_proxy": [".example.internal"],
            "environment.variables": {"TEAM": "data"},
            "executor.multi_namespace": ["team-a"],
            "installation.image.apt": ["libpq-dev"],
            "installation.image.pull_secrets": ["registry"],
            "metrics.monitor_labels": {"release": "prometheus"},
            "secrets.extra": [
                {"name": "aws", "from": "store", "keys": ["AWS_KEY"], "env": "worker"},
                {"name": "tls", "from": "existing", "mount": "/etc/team"},
            ],
        },
    ),
    (
        {
            "access.kind": "ingress",
            "access.base_url": "https://airflow.example.com",
            "access.tls.secret": "ui-certificate",
        },
        {"access.annotations": {"example.com/team": "data"}},
    ),
    ({"dags.source": "bundle"}, {"dags.bundles": [BUNDLE]}),
    (
        {"database.kind": "cloudnativepg"},
        {"database.cluster.annotations": {"eks.amazonaws.com/role-arn": "arn:aws:a"}},
    ),
    (
        {**OTHERS, "dags.source": "bundle", "dags.bundles": [BUNDLE]},
        {"secrets.existing.bundle_connections": [{"bundle": "fin", "name": "git", "key": "fin"}]},
    ),
    (
        {"secrets.store": "sops"},
        {
            "secrets.sops.recipients": [
                {
                    "key": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
                    "holder": "platform team",
                    "verified": "read out by Ada",
                }
            ],
        },
    ),
]
# A host key has tests of its own: its lines are written by us, never copied.
ELSEWHERE = {"dags.host_keys", "delivery.argocd.host_keys"}


Place = tuple[str | int, ...]


def list_places(value: Any, at: Place) -> Iterator[Place]:
    """The places of the texts in an answer."""
    for path, node in walk(value, at):
        if isinstance(node, str):
            yield path


def put_texts(value: Any, at: Place, chosen: set[Place], text: str) -> Any:
    """A copy of an answer with the text in the chosen places."""
    if at in chosen:
        return text
    if isinstance(value, list):
        return [put_texts(one, (*at, number), chosen, text) for number, one in enumerate(value)]
    if isinstance(value, dict):
        return {key: put_texts(one, (*at, key), chosen, text) for key, one in value.items()}
    return value


def find_blamed(key: str, chosen: set[Place]) -> set[Place]:
    """The places that a problem is about: its key names them, or what they are part of."""
    # A name that a person made up is not repeated.
    key = key.partition(f".{UNKNOWN_KEY}")[0]
    names = {at: ".".join(map(str, at)) for at in chosen}
    exact = {at for at, name in names.items() if key == name or key.startswith(f"{name}.")}
    return exact or {at for at, name in names.items() if name.startswith(f"{key}.")}


@pytest.mark.parametrize("how", HOSTILE)
def test_hostile_text_in_a_list_is_refused_or_stays_text(how: str) -> None:
    text = HOSTILE[how]
    for context, tried in CONTEXTS:
        chosen = {at for key, value in tried.items() for at in list_places(value, (key,))}
        while True:
            made_up = {key: put_texts(value, (key,), chosen, text) for key, value in tried.items()}
            problems = validate_answers(filled("production", {**context, **made_up})).problems
            for problem in problems:
                blamed = find_blamed(problem.key, chosen)
                assert blamed, str(problem)
                assert_says_what_to_do(problem.message, text)
                chosen -= blamed
            if not problems:
                break
        if not chosen:
            continue
        assert not has_hidden(text)
        made = rendering("production", {**context, **made_up})
        assert_readers_agree(made, rendering("production", {**context, **tried}))
        saved = parse_answers(made.tree.by_logical("answers").text, "answers")
        for key, *path in chosen:
            again = get_value(saved, tuple(str(key).split(".")))
            for part in path:
                again = again[part]
            assert again in {text, text.casefold()}, (key, path)
        if how in CHECKED:
            assert [str(one) for one in findings(made) if one.is_error] == []


def test_a_hostile_name_in_a_mapping_is_refused() -> None:
    context, tried = CONTEXTS[0]
    named = {key: value for key, value in tried.items() if isinstance(value, dict)}
    # Groups at the provider have the names that people gave them.
    del named["access.oauth.roles"]
    for text in HOSTILE.values():
        made_up = {key: dict.fromkeys([text], *value.values()) for key, value in named.items()}
        data = filled("production", {**context, **tried, **made_up})
        blamed = {problem.key for problem in validate_answers(data).problems}
        for key in named:
            plain = re.fullmatch(r"[A-Za-z0-9]+", text)
            assert plain or any(one.startswith(key) for one in blamed), (key, text)


def test_every_list_and_mapping_is_tried() -> None:
    asked = {item.key for item in field_specs() if item.kind in {"list", "mapping"}}
    tried = {key for _, one in CONTEXTS for key in one}
    assert tried | ELSEWHERE == asked
