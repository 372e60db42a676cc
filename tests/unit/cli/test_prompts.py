"""`ask` line by line: a secret typed at any prompt is not printed, and not kept."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.screens.support import COMPLETE, answers
from tests.support.canary import MARKER
from wizard.cli.console import Console
from wizard.cli.prompts import PromptSession
from wizard.formats.nested import get_value
from wizard.workspace.suggestions import Suggestion

TOKEN = "gh" + "p_" + MARKER * 3
FORMS = (TOKEN, f"{{password: {TOKEN}}}", f"A={TOKEN}", f"https://{TOKEN}@git.example.com/x.git")
LIMIT = 400


class Lines(io.StringIO):
    """A person who types a secret at every prompt, and then keeps the answer."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self.typed = 0
        self._lines = self._type(secret)

    def _type(self, secret: str) -> Iterator[str]:
        for _ in range(LIMIT):
            self.typed += 1
            yield f"{secret}\n"
            yield "\n"

    def readline(self, _size: int | None = -1, /) -> str:  # type: ignore[override]
        return next(self._lines, "")


@pytest.mark.parametrize("secret", FORMS)
def test_a_secret_at_a_prompt_is_not_repeated(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err, lines = io.StringIO(), io.StringIO(), Lines(secret)
    monkeypatch.setattr(sys, "stdin", lines)
    session = PromptSession(Console(out, err), answers("production", COMPLETE))

    try:
        session.run()
    except EOFError:
        assert lines.typed == LIMIT

    assert lines.typed > 25
    assert MARKER not in out.getvalue() + err.getvalue()
    assert MARKER not in str(session.data)


def test_a_secret_of_an_answers_file_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    err = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n" * 4))
    data = answers("production", (*COMPLETE, f"installation.image.repository=x/{TOKEN}"))

    with suppress(EOFError):
        PromptSession(Console(io.StringIO(), err), data, complete=True).run()

    assert err.getvalue()
    assert MARKER not in err.getvalue()


def run(
    monkeypatch: pytest.MonkeyPatch, data: dict[str, Any], *lines: str, **options: Any
) -> tuple[PromptSession, str]:
    """Return the session after these lines, and what it printed."""
    err = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    session = PromptSession(Console(io.StringIO(), err), data, **options)
    session.run()
    return session, err.getvalue()


def test_what_only_the_person_knows_comes_first_and_enter_goes_to_the_review(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [one.partition("=")[2] for one in COMPLETE]
    session, text = run(monkeypatch, answers("production"), *lines, "")
    assert session.data == answers("production", COMPLETE)
    assert text.count("[]: ") == len(COMPLETE)
    assert "in your cloud's console" in text


def test_ask_resumes_at_the_first_unanswered_question(monkeypatch: pytest.MonkeyPatch) -> None:
    session, text = run(
        monkeypatch, answers("production", COMPLETE[:3]), COMPLETE[3].partition("=")[2], ""
    )
    assert text.count("[]: ") == 1
    assert session.data == answers("production", COMPLETE)


def test_a_key_skips_to_the_review_from_any_question(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["n", "prod", ">"]
    session, text = run(monkeypatch, answers("production", COMPLETE), *lines)
    assert get_value(session.data, ("installation", "name")) == "prod"
    assert "skips to the review" in text


def test_the_review_waits_for_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    session, text = run(
        monkeypatch, answers("production", COMPLETE[:3]), ">", COMPLETE[3].partition("=")[2]
    )
    assert session.data == answers("production", COMPLETE)
    assert "delivery.argocd.repo_url: is required" in text


def test_a_value_of_the_machine_is_kept_with_enter_and_names_its_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, _, value = COMPLETE[3].partition("=")
    known = {key: Suggestion(value, "git remote origin")}
    session, text = run(monkeypatch, answers("production", COMPLETE[:3]), "", "", suggestions=known)
    assert session.data == answers("production", COMPLETE)
    assert "From git remote origin.\n" in text
    assert f"This repository [{value}]: " in text
