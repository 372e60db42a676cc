"""The form of all sections: kinds of fields, conditions, errors, hostile text, preview."""

from __future__ import annotations

from pathlib import Path

import pytest

from screens.draft.draft import Draft
from screens.draft.values import from_text, to_text
from screens.widgets.choices import Choice
from screens.widgets.fields import Line, TextField, Tick, fit_keys
from screens.widgets.preview import Lines, changed_lines
from tests.screens.support import COMPLETE, field, jump, page, press, row, type_text, wizard
from tests.support.screens import settled
from wizard.answers.files import PAIRS
from wizard.answers.model import Answers
from wizard.answers.questions import field_spec, field_specs

HOSTILE = ("[/x]", "[@click=app.quit]x[/]", "[bold", "$x{{y}}", "\\", "日本語 é")
UNPRINTABLE = "a\x1b[31mb\u202ec\u200bd\x07"


async def test_questions_appear_and_disappear_with_the_answers(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 40)) as pilot:
        await settled(pilot)
        await jump(pilot, "database.pgbouncer.mode")
        assert row(pilot, "database.pgbouncer.metadata_pool").display
        focused = page(pilot).focused
        shown = await press(pilot, "right")
        assert "[one you run" in shown
        assert not row(pilot, "database.pgbouncer.metadata_pool").display
        assert row(pilot, "database.pgbouncer.host").display
        assert page(pilot).focused is focused
        assert "Clients" not in shown
        await press(pilot, "left")
        assert row(pilot, "database.pgbouncer.metadata_pool").display


async def test_a_section_that_no_longer_applies_has_no_step_and_its_answers_do_not_count(
    tmp_path: Path,
) -> None:
    app = wizard(tmp_path, "local", "broker.persistence=9Gi")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "executor.kind")
        assert "Broker" in await settled(pilot)
        assert "Broker" not in await press(pilot, "right")
        assert app.draft.validation.answers is not None
        assert app.draft.validation.answers.broker == Answers().broker
        assert "Broker" in await press(pilot, "left")
        assert app.draft.validation.answers is not None
        assert app.draft.validation.answers.broker.persistence == "9Gi"


async def test_a_wrong_answer_that_no_longer_applies_blocks_nothing(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    for key, value in (("secrets.store", "vault"), ("secrets.vault.server", "not a url")):
        app.draft = app.draft.with_answer(field_spec(key), value)
    assert "secrets.vault.server" in app.draft.problems
    app.draft = app.draft.with_answer(field_spec("secrets.store"), "kubernetes")
    assert app.draft.problems == {}
    app.propose()


async def test_an_error_waits_until_the_field_was_left(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "database.port")
        shown = await type_text(pilot, "abc")
        assert "!" not in shown
        shown = await press(pilot, "enter")
        assert "! 1 answer missing or invalid: Database: Port" in shown
        assert "[abc       ] !" in shown
        assert "! enter a whole number" in await press(pilot, "up")
        assert "! enter a whole number" not in await type_text(pilot, "5433")
        assert app.draft.value(field_spec("database.port")) == 5433


async def test_every_kind_of_field_gives_its_kind_of_answer(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(100, 60)) as pilot:
        await settled(pilot)
        await jump(pilot, "environment.load_examples")
        assert "[X] yes" in await press(pilot, "space")
        await jump(pilot, "environment.variables")
        await type_text(pilot, "A=1, B=two words")
        await jump(pilot, "executor.kind")
        await press(pilot, "space", "down", "enter")
        answers = app.draft.validation.answers
        assert answers is not None
        assert answers.environment.load_examples is True
        assert answers.environment.variables == {"A": "1", "B": "two words"}
        assert answers.executor.kind == "KubernetesExecutor"


async def test_a_secret_is_a_reference_and_keeps_its_public_part(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    key = field_spec("dags.key")
    app.draft = app.draft.with_answer(key, {"generate": True, "public": "ssh-ed25519 AAAA"})
    async with app.run_test(size=(140, 60)) as pilot:
        await settled(pilot)
        await jump(pilot, "dags.key")
        choice = row(pilot, "dags.key").query_one(Choice)
        choice.value = "file"
        await settled(pilot)
        await press(pilot, "enter")
        assert isinstance(page(pilot).focused, TextField)
        await type_text(pilot, "keys/deploy")
        assert app.draft.value(key) == {"file": "keys/deploy", "public": "ssh-ed25519 AAAA"}
        choice.value = "generate"
        await settled(pilot)
        assert app.draft.value(key) == {"generate": True, "public": "ssh-ed25519 AAAA"}
        choice.value = "file"
        assert "[keys/deploy" in await settled(pilot)


@pytest.mark.parametrize("half", [0, 1])
async def test_hostile_text_is_text_in_every_field(tmp_path: Path, half: int) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    sections = [step.name for step in app.draft.pages if step.name in Answers.model_fields]
    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await settled(pilot)
        for section in sections[half::2]:
            app.go(section)
            await settled(pilot)
            fields = [
                one
                for one in page(pilot).query(TextField)
                if all(node.display for node in one.ancestors_with_self)
            ]
            for number, one in enumerate(fields):
                one.value = HOSTILE[number % len(HOSTILE)]
            shown = await settled(pilot)
            for one in fields[:1]:
                assert one.value in shown
            for one in fields:
                one.value = UNPRINTABLE
            shown = await settled(pilot)
            shown += await press(pilot, "f1") + await press(pilot, "escape", "f5")
            shown += await press(pilot, "ctrl+s")
            assert not set(shown) & set("\x1b\u202e\u200b\x07")
            assert app.is_running


async def test_hostile_answers_from_a_file_are_shown_as_text(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    name = "[@click=app.quit]x[/]\u202e"
    app.draft = app.draft.with_answer(field_spec("installation.name"), name)
    app.draft = app.draft.with_answer(field_spec("installation.chart"), 5)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        shown = await settled(pilot)
        assert "[@click=app.quit]x[/]\ufffd" in shown
        await pilot.click(row(pilot, "installation.name").query_one(TextField), offset=(3, 0))
        assert app.is_running
        assert "\u202e" not in await press(pilot, "ctrl+s")


async def test_the_preview_shows_the_line_that_a_question_decides(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(140, 45)) as pilot:
        await settled(pilot)
        await jump(pilot, "executor.workers.replicas")
        lines = page(pilot).query_one(Lines)
        assert [lines.lines[number].strip() for number in sorted(lines.marked)] == ["replicas: 2"]
        await press(pilot, "end", "3")
        assert [lines.lines[number].strip() for number in sorted(lines.marked)] == ["replicas: 23"]
        assert ">     replicas: 23" in await settled(pilot)
        await press(pilot, "x")
        assert "replicas: 23" in await settled(pilot)


async def test_there_is_no_preview_below_100_columns(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(99, 30)) as pilot:
        assert "airflow-values.yaml" not in await settled(pilot)
        await pilot.resize_terminal(100, 30)
        assert "airflow-values.yaml" in await settled(pilot)


async def test_every_question_that_applies_has_a_row(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for step in app.draft.pages:
            expected = [
                item.key
                for item in field_specs()
                if item.section == step.name and item.applies(app.draft.answers)
            ]
            if not expected:
                continue
            app.go(step.name)
            await settled(pilot)
            shown = [one.item.key for one in page(pilot).query("Row") if one.display]  # type: ignore[attr-defined]
            assert shown == expected


async def test_a_tick_can_be_clicked(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "admin.create")
        await pilot.click(row(pilot, "admin.create").query_one(Tick))
        assert "[ ] no" in await settled(pilot)
        assert not row(pilot, "admin.username").display


@pytest.mark.parametrize(
    "value", [{}, {"A": "1"}, {"A": "1", "B": "2"}, {"A": "x,y"}, {"A": " x"}, {"A": "a=b"}]
)
def test_variables_survive_as_text(value: dict[str, str]) -> None:
    item = field_spec("environment.variables")
    assert from_text(item, to_text(item, value)) == value


def test_an_invalid_number_stays_text() -> None:
    item = field_spec("database.port")
    assert from_text(item, "5432") == 5432
    assert [from_text(item, text) for text in ("", "5a", "1.5", "٣")] == ["", "5a", "1.5", "٣"]


def test_changed_lines_are_those_of_the_new_text() -> None:
    assert changed_lines("a\nb\nc", "a\nB\nc\nd") == {1, 3}
    assert changed_lines("a\nb", "a") == frozenset()


def test_the_same_answer_is_not_a_change() -> None:
    draft = Draft({"installation": {"name": "prod"}})
    assert not draft.with_answer(field_spec("installation.name"), "prod").has_changes
    assert draft.with_answer(field_spec("installation.name"), "dev").has_changes
    assert not draft.with_answer(field_spec("installation.namespace"), "airflow").has_changes


async def test_a_field_keeps_its_text_across_pages(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "environment.variables")
        await type_text(pilot, "no pairs")
        await press(pilot, "ctrl+n", "escape")
        assert field(pilot, "environment.variables").value == "no pairs"
        assert app.draft.problems["environment.variables"] == PAIRS


async def test_a_long_message_says_that_f1_shows_all_of_it(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", "logs.kind=remote")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "logs.url")
        shown = await type_text(pilot, "http://x")
        assert "https://HOST:PORT" not in shown
        assert "or … f1\n" in shown
        shown = await press(pilot, "tab", "shift+tab")
        assert "! give a URL such as s3://my-airflow-logs/prod" in shown
        # An error has a line more than a help: this one is there in full.
        assert "without credentials" in shown
        shown = await press(pilot, "f1")
        assert "without credentials" in shown
        assert "https://HOST:PORT" in shown
        await press(pilot, "escape")
        await jump(pilot, "logs.auth")
        assert "left, right" not in await press(pilot, "tab", "shift+tab")


async def test_a_list_on_one_line_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "secrets.extra")
        for text, message in (
            ("[{name: a, from: store]", "not readable YAML, such as [{name: aws"),
            ("[{name: a, from: stor}]", "! item 1, from: give 'store' or 'existing'"),
        ):
            await type_text(pilot, text)
            await press(pilot, "tab", "shift+tab")
            shown = page(pilot).query_one("#message", Line)._shown
            assert " ".join(message.split()) in " ".join(shown.split())
        shown = await press(pilot, "f1")
        assert "example     [{name: aws, from: store," in shown


async def test_arriving_in_a_field_selects_its_value(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, *"prod", "enter", "up", "x")
        assert app.draft.answers.installation.name == "x"


async def test_a_changed_answer_is_marked_and_can_be_restored(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "database.name")
        shown = await press(pilot, *"other")
        assert "Database           ~[other" in shown
        assert "Was airflow; ^r restores it." in shown
        shown = await press(pilot, "ctrl+r")
        # It is required, and as it was.
        assert "Database           *[airflow" in shown
        assert not app.draft.has_changes


@pytest.mark.parametrize("restored", ["executor.kind", "database.password", "delivery.kind"])
async def test_every_kind_of_field_shows_the_restored_answer(tmp_path: Path, restored: str) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, restored)
        before = row(pilot, restored).render().plain
        data = app.draft.data
        await press(pilot, "right")
        assert app.draft.has_changes
        await press(pilot, "ctrl+r")
        assert app.draft.data == data
        assert row(pilot, restored).render().plain == before


async def test_help_and_error_are_directly_below_the_field(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await jump(pilot, "database.host")
        lines = (await settled(pilot)).splitlines()
        place = next(n for n, line in enumerate(lines) if "  Host  " in line or " Host " in line)
        assert "Address of PostgreSQL" in lines[place + 1]
        lines = (await press(pilot, "a", "space", "b", "enter", "up")).splitlines()
        assert "! " in lines[place + 1]


async def test_a_secret_says_who_reads_it_where_and_when(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(140, 45)) as pilot:
        await settled(pilot)
        await jump(pilot, "database.password")
        await settled(pilot)
        shown = page(pilot).query_one("#message", Line)._shown
        assert "`secrets` reads AIRFLOW_DB_PASSWORD here, when it fills" in shown


async def test_an_empty_field_shows_what_it_means(tmp_path: Path) -> None:
    app = wizard(tmp_path, "production", *COMPLETE)
    async with app.run_test(size=(140, 45)) as pilot:
        await settled(pilot)
        await jump(pilot, "secrets.vault.namespace")
        assert "[the root namespace" in await settled(pilot)


async def test_a_question_with_one_choice_is_text(tmp_path: Path) -> None:
    app = wizard(tmp_path, "existing-secrets", *COMPLETE)
    async with app.run_test(size=(80, 40)) as pilot:
        await settled(pilot)
        app.go("secrets")
        await settled(pilot)
        item = field_spec("secrets.existing.git_ssh_key.key")
        assert len(item.choices) == 1
        assert row(pilot, item.key).fields == []


@pytest.mark.parametrize("text", ["\npasted", "pasted\n", "\r\npasted\r\n"])
async def test_line_ends_around_a_pasted_line_lose_nothing(tmp_path: Path, text: str) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, f"paste:{text}")
        assert app.draft.answers.installation.name == "pasted"


async def test_several_lines_are_refused_in_a_field_for_one(tmp_path: Path) -> None:
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = await press(pilot, "paste:one\ntwo\nthree")
        assert "! nothing was pasted: the text has 3 lines" in shown
        assert app.draft.answers.installation.name == "airflow"


@pytest.mark.parametrize("width", [40, 60, 80])
async def test_the_keys_are_never_cut(tmp_path: Path, width: int) -> None:
    """What does not fit is left out; the keys of other pages are as wide as these at most."""
    app = wizard(tmp_path, "local")
    async with app.run_test(size=(width, 24)) as pilot:
        shown = (await settled(pilot)).rstrip("\n").splitlines()[-1]
        assert shown.startswith(" ^n next")
        assert shown.endswith("^q quit")
        await pilot.resize_terminal(140, 24)
        assert "f5 check" in (await settled(pilot)).splitlines()[-1]


def test_keys_are_left_out_from_the_end_but_the_last_one() -> None:
    keys = "[@click=screen.a]a one[/]  b two  [@click=screen.c]c three[/]"
    assert fit_keys(keys, 21) == keys
    assert fit_keys(keys, 20) == "[@click=screen.a]a one[/]  [@click=screen.c]c three[/]"
    assert fit_keys(keys, 4) == "[@click=screen.c]c three[/]"
