"""`ask` line by line: a secret typed at any prompt is not printed, and not kept."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.screens.support import COMPLETE, answers
from tests.support.canary import MARKER
from wizard.cli.console import Console
from wizard.cli.prompts import PromptSession

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
        PromptSession(Console(io.StringIO(), err), data).run()

    assert err.getvalue()
    assert MARKER not in err.getvalue()
