"""A fix leads to a question by its key: every key in the source is that of a question."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import TOP
from tests.support.rendered import answers
from wizard.answers.questions import field_specs
from wizard.errors import NO_FIX, Fix, WizardError
from wizard.plan.derive import derive_release
from wizard.systems.vault.paths import list_vault_settings

ASKED = {item.key for item in field_specs() if item.model.asked}
# What a fix in the source leads to, beside those whose key is known only when it is made.
LED_TO = {
    "access.base_url",
    "broker.host",
    "broker.kind",
    "broker.url",
    "dags.host_keys",
    "dags.key",
    "dags.ref",
    "dags.repo",
    "dags.subpath",
    "database.host",
    "database.name",
    "database.pgbouncer.host",
    "database.pgbouncer.max_client_conn",
    "database.pgbouncer.metadata_pool",
    "database.pgbouncer.mode",
    "database.pgbouncer.result_pool",
    "database.sslmode",
    "delivery.argocd.credential",
    "delivery.argocd.destination",
    "delivery.argocd.host_keys",
    "delivery.argocd.namespace",
    "delivery.argocd.repo_url",
    "delivery.argocd.revision",
    "environment.pod_security",
    "executor.workers.resources.cpu",
    "executor.workers.resources.memory_limit",
    "installation.airflow",
    "installation.chart",
    "installation.image.pull_secrets",
    "installation.image.repository",
    "installation.release",
    "repository.path",
    "secrets.vault.audience",
    "secrets.vault.auth_mount",
    "secrets.vault.ca.file",
    "secrets.vault.mount",
    "secrets.vault.namespace",
    "secrets.vault.path",
    "secrets.vault.role",
    "secrets.vault.server",
}


def fixes(path: Path) -> Iterator[ast.Call]:
    """The fixes with a question that a module makes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Fix":
            assert not node.keywords, f"{path}:{node.lineno}: give the question as second argument"
            if len(node.args) == 2:
                yield node


def led_to() -> dict[str, str]:
    """Where the source leads to by a literal key, with the last place that does."""
    found = {}
    for path in sorted((TOP / "wizard").rglob("*.py")):
        for call in fixes(path):
            key = call.args[1]
            if isinstance(key, ast.Constant):
                found[str(key.value)] = f"{path.relative_to(TOP)}:{call.lineno}"
    return found


def test_every_literal_key_is_one_of_a_question() -> None:
    assert {key: place for key, place in led_to().items() if key not in ASKED} == {}


def test_nothing_that_a_fix_led_to_is_lost() -> None:
    assert LED_TO - led_to().keys() == set()


def test_a_text_that_names_a_question_carries_its_key() -> None:
    """A literal fix that names the key of a question leads to one."""
    silent = []
    for path in sorted((TOP / "wizard").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Fix":
                text = node.args[0] if len(node.args) == 1 else None
                if isinstance(text, ast.Constant) and any(key in str(text.value) for key in ASKED):
                    silent.append(f"{path.relative_to(TOP)}:{node.lineno}")
    assert silent == []


@pytest.mark.parametrize("name", ["path", "role", "auth_mount"])
def test_what_a_store_asks_for_is_a_question(name: str) -> None:
    given = answers("production", {"delivery.argocd.credential": "store"})
    stores = list_vault_settings(given, derive_release(given))
    assert len(stores) == 2
    assert {one.question(name) for one in stores} <= ASKED


def test_a_fix_is_its_text() -> None:
    fix = Fix("give another host", "database.host")
    assert (str(fix), f"{fix}", bool(fix), bool(NO_FIX)) == (fix.text, fix.text, True, False)
    assert fix.to_json() == {"fix": "give another host", "question": "database.host"}
    assert Fix("ask Ada").to_json() == {"fix": "ask Ada"}
    assert (WizardError("no", fix).hint, WizardError("no", "ask Ada").fix) == (
        "give another host", Fix("ask Ada"),
    )  # fmt: skip


def test_joined_fixes_lead_to_the_first_question() -> None:
    first, second = Fix("see it", "database.host"), Fix("see that", "database.port")
    joined = Fix.join([Fix("ask Ada"), first, NO_FIX, second, first])
    assert joined == Fix("ask Ada; see it; see that", "database.host")
    assert Fix.join([NO_FIX]) == NO_FIX
