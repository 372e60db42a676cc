"""The first page of a new installation: what only the user knows, and the way to the commit."""

from __future__ import annotations

from pathlib import Path

import pytest

from screens.pages.result import ResultScreen
from screens.pages.start import StartScreen
from screens.steps import HOST_KEYS, REVIEW, START
from screens.widgets.fields import TextField
from screens.widgets.rows import Row
from tests.screens.support import (
    COMPLETE,
    ED25519,
    FINGERPRINT,
    SELF_HOSTED,
    app_of,
    newcomer,
    opened,
    page,
    paste,
    press,
)
from tests.support.screens import settled
from wizard.answers.presets import list_presets
from wizard.answers.questions import field_specs
from wizard.imports.candidates import list_candidates
from wizard.workspace.suggestions import Contexts, Suggestion

VAULT = {"secrets.vault.server": Suggestion("https://vault.example.internal:8200", "$VAULT_ADDR")}
# Keys from an empty folder to the commit: what is typed counts as one paste.
KEYS = {
    "local": 3,
    "existing-secrets": 7,
    "helmsman": 9,
    "production": 11,
    "gitops-vault": 11,
    "kubernetes-executor": 13,
    "aks": 17,
}
TEXTS = {
    **dict(one.split("=", 1) for one in COMPLETE),
    "logs.url": "s3://example-logs/prod",
    "logs.blob.account": "airflowlogs",
    "secrets.azure.vault_url": "https://kv-airflow.vault.azure.net",
    "secrets.azure.tenant_id": "11111111-2222-3333-4444-555555555555",
    "secrets.azure.client_id": "aaaaaaaa-2222-3333-4444-555555555555",
}


def shown(pilot: object) -> list[str]:
    """Return the questions on the page."""
    return [row.item.key for row in page(pilot).query(Row) if row.display]  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", list_presets())
async def test_few_keys_lead_from_a_preset_to_the_commit(preset: str, tmp_path: Path) -> None:
    """Enter for the preset, a text and enter for each question, enter on the review."""
    app = newcomer(tmp_path, pick_preset=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, *["down"] * list_presets().index(preset), "enter")
        count = 1
        assert isinstance(page(pilot), StartScreen)
        keys = shown(pilot)
        for key in keys:
            await press(pilot, f"paste:{TEXTS[key]}", "enter")
            count += 2
        if not keys:
            await press(pilot, "enter")
            count += 1
        assert page(pilot).page_name == REVIEW
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, ResultScreen)
        assert count + 1 <= KEYS[preset]


async def test_the_page_asks_what_the_preset_leaves_open_and_nothing_else(tmp_path: Path) -> None:
    app = newcomer(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        text = await settled(pilot)
        assert shown(pilot) == [
            "database.host",
            "dags.repo",
            "secrets.vault.server",
            "delivery.argocd.repo_url",
        ]
        assert "in your cloud's console" in text
        # An answer does not remove its question.
        await press(pilot, "paste:pg.example.internal", "enter")
        assert "database.host" in shown(pilot)


async def test_a_value_of_the_machine_is_shown_with_its_source_before_it_counts(
    tmp_path: Path,
) -> None:
    app = newcomer(tmp_path, "production", suggestions=VAULT)
    assert "vault.example.internal" not in str(app.draft.data)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await settled(pilot)
        assert "https://vault.example.internal:8200" in text
        assert "From $VAULT_ADDR." in text
        assert not app.draft.has_changes
        # Another answer has no source, and stays when the page is opened again.
        field = next(r for r in page(pilot).query(Row) if r.item.key == "secrets.vault.server")
        field.query_one(TextField).focus()
        await press(pilot, "end", "ctrl+u", "paste:https://other.example.internal:8200")
        text = await press(pilot, "ctrl+s", "escape")
        assert page(pilot).page_name == START
        assert "From $VAULT_ADDR." not in text
        assert "other.example.internal" in text


async def test_a_value_of_the_machine_never_replaces_a_given_answer(tmp_path: Path) -> None:
    given = "secrets.vault.server=https://given.example.internal:8200"
    app = newcomer(tmp_path, "production", given, suggestions=VAULT)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "secrets.vault.server" not in shown(pilot)
        assert "given.example.internal" in str(app.draft.data)


async def test_host_keys_that_nobody_publishes_are_asked_on_the_way(tmp_path: Path) -> None:
    app = newcomer(tmp_path, "production", *COMPLETE, SELF_HOSTED)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert shown(pilot) == ["dags.host_keys"]
        await press(pilot, "enter")
        assert page(pilot).page_name == HOST_KEYS
        await paste(pilot, f"git.example.com ssh-ed25519 {ED25519}")
        await press(pilot, "tab", f"paste:{FINGERPRINT}", "enter")
        text = await press(pilot, "enter")
        assert page(pilot).page_name == START
        assert "1 key accepted" in text
        await press(pilot, "enter")
        assert page(pilot).page_name == REVIEW


async def test_tune_lists_the_other_pages_and_escape_comes_back(tmp_path: Path) -> None:
    app = newcomer(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        text = await press(pilot, "ctrl+t")
        assert "Workers" in text or "Executor" in text
        await press(pilot, *"deliv", "enter")
        assert page(pilot).page_name == "delivery"
        await press(pilot, "escape")
        assert page(pilot).page_name == START


async def test_what_is_missing_is_marked_once_the_page_was_left(tmp_path: Path) -> None:
    app = newcomer(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        text = await settled(pilot)
        assert "!" not in text
        await press(pilot, "ctrl+s")
        assert app_of(pilot).touched >= {"database.host", "dags.repo"}
        text = await press(pilot, "escape")
        assert "4 answers missing or invalid" in text


def test_every_required_question_without_a_default_says_where_to_find_the_answer() -> None:
    """A preset may leave any of them open."""
    empty = [one for one in field_specs() if one.ask.required and not one.default]
    assert empty
    for item in empty:
        assert 0 < len(item.ask.find) < 72, item.key
        assert item.ask.find != item.help


BUNDLES = (
    'dags.bundles=[{"name": "etl", "repo": "ssh://git@git.example.com/etl.git",'
    ' "login": {"generate": true}}]'
)


async def test_host_keys_of_bundles_are_asked_here_too(tmp_path: Path) -> None:
    app = newcomer(tmp_path, "production", *COMPLETE, "dags.source=bundle", BUNDLES)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await settled(pilot)
        assert shown(pilot) == ["dags.host_keys"]
        assert "none of git.example.com" in text
        await press(pilot, "enter")
        assert page(pilot).page_name == HOST_KEYS
        await paste(pilot, f"git.example.com ssh-ed25519 {ED25519}")
        await press(pilot, "tab", f"paste:{FINGERPRINT}", "enter")
        text = await press(pilot, "escape")
        assert page(pilot).page_name == START
        assert "accepted" in text
        assert "none of" not in text
        await press(pilot, "enter")
        assert page(pilot).page_name == REVIEW


CONTEXTS = Contexts(("prod", "staging"), "staging", "$KUBECONFIG")


async def test_the_cluster_is_chosen_where_the_machine_knows_several(tmp_path: Path) -> None:
    app = newcomer(tmp_path, "production", *COMPLETE, contexts=CONTEXTS)
    before = app.draft.data
    async with app.run_test(size=(80, 24)) as pilot:
        text = await settled(pilot)
        assert shown(pilot) == ["cluster.context"]
        assert "From $KUBECONFIG" in text
        assert "staging" in text
        assert app.context == "", "the current context, until another one is chosen"
        await press(pilot, "left", "f1", "escape", "enter")
        assert page(pilot).page_name == REVIEW
        assert app.context == "prod"
        assert app.draft.data == before, "it is no answer"
        assert "prod" in await press(pilot, "escape")


@pytest.mark.parametrize(
    ("preset", "contexts"),
    [("local", CONTEXTS), ("production", Contexts(("prod",), "prod", "$KUBECONFIG"))],
)
async def test_without_a_choice_no_context_is_asked(
    tmp_path: Path, preset: str, contexts: Contexts
) -> None:
    app = newcomer(tmp_path, preset, *(COMPLETE if preset != "local" else ()), contexts=contexts)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await settled(pilot)
        assert shown(pilot) == []
        assert "Nothing is missing" in text
        assert "Everything else" not in text


async def test_a_file_of_values_in_the_repository_can_be_the_start(tmp_path: Path) -> None:
    top = opened(tmp_path).repository.top
    (top / "airflow").mkdir()
    (top / "airflow/values.yaml").write_text(
        "executor: KubernetesExecutor\nairflowVersion: 3.2.2\nfernetKey: not-a-real-key-01\n"
        "scheduler:\n  replicas: 2\n  priorityClassName: high\n"
    )
    (top / "other.yaml").write_text("executor: a team\nworkers: [Ada]\n")
    found = list_candidates(top)
    assert [one.path for one in found] == ["airflow/values.yaml"]
    app = newcomer(tmp_path, pick_preset=True, candidates=found)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await settled(pilot)
        assert "Import                  airflow/values.yaml" in text
        assert "left out, and named. The file stays" in text
        text = await press(pilot, "enter")
        assert "Imported from airflow/values.yaml" in text
        assert "not-a-real-key" not in text
        await press(pilot, "enter")
        assert page(pilot).page_name == START
        assert app.draft.answers.executor.kind == "KubernetesExecutor"
        assert app.draft.answers.components.scheduler.replicas == 2
        assert app.draft.data["values"] == {"scheduler": {"priorityClassName": "high"}}
        assert "not-a-real-key" not in str(app.draft.data)


async def test_a_file_that_cannot_be_imported_leaves_the_choice(tmp_path: Path) -> None:
    top = opened(tmp_path).repository.top
    (top / "values.yaml").write_text("airflowVersion: 3.2.2\nexecutor: CeleryExecutor\ndags: {}\n")
    found = list_candidates(top)
    (top / "values.yaml").write_text("a: [\n")
    app = newcomer(tmp_path, pick_preset=True, candidates=found)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "it cannot be read" in await press(pilot, "enter")
        await press(pilot, "enter", "down", "enter")
        assert page(pilot).page_name == START
