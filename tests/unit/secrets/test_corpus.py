"""The corpus: every leak is found, clean texts pass, and nothing repeats a secret."""

from __future__ import annotations

import pytest

from tests.support.corpus import Sample, bodies, findings, samples
from wizard.checks.engine import run_checks
from wizard.checks.subject import Layout

LEAKS, CLEAN = samples("leaks"), samples("clean")


def label(sample: Sample) -> str:
    return f"{sample.kind} ({sample.file})"


def test_the_corpus_is_large_and_no_text_occurs_twice() -> None:
    assert len(LEAKS) >= 100
    assert len(CLEAN) >= 100
    assert len({one.text for one in (*LEAKS, *CLEAN)}) == len(LEAKS) + len(CLEAN)


@pytest.mark.parametrize("sample", LEAKS, ids=label)
def test_every_leak_is_found(sample: Sample) -> None:
    found = findings(sample)

    assert found, f"{label(sample)} is not found"
    assert all(one.severity == "error" and one.fix.text for one in found)
    secret = ("secret.placeholder",) if sample.kind.startswith("placeholder") else ()
    if secret:
        assert {one.rule for one in found} == {*secret}
        assert "secret store" in found[0].fix.text


@pytest.mark.parametrize("sample", LEAKS, ids=label)
def test_no_finding_repeats_a_secret(sample: Sample) -> None:
    shown = "\n".join("\n".join(one.sort_key()) for one in findings(sample))
    secrets = [body for body in bodies().values() if body in sample.text and len(body) >= 8]

    assert not [body for body in secrets if body in shown]


def test_at_most_one_clean_text_is_taken_for_a_leak() -> None:
    wrong = [(label(one), findings(one)) for one in CLEAN if findings(one)]

    assert len(wrong) <= 1, wrong


@pytest.mark.parametrize(
    "text",
    ["database: {'password:<weak>'}\n", "'<github>': {password: <weak>}\n", "a: {'<github>': 1}\n"],
)
def test_a_secret_that_is_a_key_is_not_repeated_by_any_rule(text: str) -> None:
    secrets = {name: bodies()[name] for name in ("weak", "github")}
    for name, body in secrets.items():
        text = text.replace(f"<{name}>", body)
    found = run_checks(
        {"values.yaml": text.encode()},
        chart="1.22.0",
        airflow="3.2.2",
        installation=Layout(values="values.yaml"),
    )

    assert any(one.rule.startswith("secret.") for one in found)
    shown = "\n".join("\n".join(one.sort_key()) for one in found)
    assert not [name for name, body in secrets.items() if body in shown]
