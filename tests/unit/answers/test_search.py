"""Search for questions, as people name them."""

from __future__ import annotations

import pytest

from wizard.answers.questions import field_specs
from wizard.answers.search import search_questions

ITEMS = field_specs()


def find(text: str) -> tuple[str, ...]:
    return search_questions(ITEMS, text, {}).keys


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("fingerprint", "dags.host_keys"),
        ("keda", "executor.workers.autoscaling"),
        ("autoscaling", "executor.workers.autoscaling"),
        ("ingress", "access.class"),
        ("executor.workers.replicas", "executor.workers.replicas"),
        ("wor", "executor.workers.replicas"),
        ("pgbouncer replicas", "database.pgbouncer.replicas"),
        ("vault server", "secrets.vault.server"),
    ],
)
def test_finds_a_question_by_the_words_of_people(text: str, key: str) -> None:
    assert key in find(text)[:3]


def test_a_version_is_the_chart_or_airflow() -> None:
    assert set(find("version")[:2]) == {"installation.chart", "installation.airflow"}


def test_every_word_must_match() -> None:
    assert all("replicas" in key for key in find("triggerer replicas"))
    assert find("triggerer xyzzy") == ()


def test_finds_the_current_answer() -> None:
    answers = {"database.host": "pg7.example.internal"}
    assert search_questions(ITEMS, "pg7", answers).keys == ("database.host",)


def test_an_empty_text_keeps_the_order_of_the_questions() -> None:
    assert find("  ") == tuple(item.key for item in ITEMS)


def test_a_whole_word_comes_before_a_beginning() -> None:
    names = find("pool")
    whole = [n for n, key in enumerate(names) if "pool" in key.replace(".", "_").split("_")]
    assert whole[0] == 0


def test_without_a_match_it_names_similar_words() -> None:
    result = search_questions(ITEMS, "pgbuncer", {})
    assert result.keys == ()
    assert "pgbouncer" in result.near
