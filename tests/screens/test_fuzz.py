"""Random text in random fields: no crash, no lost answer, no secret in a commit."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from screens.app import WizardApp
from screens.widgets.fields import TextField
from screens.widgets.rows import Row
from tests.screens.support import COMPLETE, page, press, wizard
from tests.support.canary import MARKER
from tests.support.screens import frame, processed, send, settled
from wizard.answers.questions import field_spec, field_specs
from wizard.errors import WizardError
from wizard.plan.comparison import require_ready

KINDS = {"text", "int", "mapping", "secret"}
TEXT = st.one_of(
    st.text(max_size=40),
    st.text("[]/@=$(){}<>&|;:'\"\\#!%*?~`., -_aA0é日\u202e\u200b\x1b\x07", max_size=40),
    st.integers().map(str),
    st.sampled_from(["", " ", "null", "{{ x }}", "[/x]", "[@click=app.quit]x[/]", "../..", "a=b"]),
)
EDITS = st.lists(st.tuples(st.integers(0, 10**6), TEXT), min_size=4, max_size=12)
TOKEN = "ghp_" + MARKER.replace("-", "") + "A" * 36
SECRETS = {
    "a URL with a password": f"https://git:{MARKER}@git.example.com/dags.git",
    "a private key": "-----BEGIN OPENSSH PRIVATE KEY----- "
    f"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMw{MARKER}AAAAtz",
    "a token": TOKEN[:40],
}


def as_field(text: str) -> str:
    """Return the text of an empty field after a paste: several lines are refused."""
    lines = text.strip("\r\n").splitlines()
    return lines[0] if len(lines) == 1 else ""


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(EDITS, st.integers(0, 10**6))
def test_no_text_breaks_a_form_and_no_answer_is_lost(
    edits: list[tuple[int, str]], start: int
) -> None:
    asyncio.run(_fill(edits, start))


async def _fill(edits: list[tuple[int, str]], start: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        app = wizard(Path(folder), "production", *COMPLETE)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await settled(pilot)
            names = [step.name for step in app.draft.pages]
            app.go(names[start % (len(names) - 2)])
            await settled(pilot)
            last: dict[str, str] = {}
            for number, text in edits:
                rows = [row for row in page(pilot).query(Row) if row.display]
                fields = [
                    field for row in rows for field in row.fields if isinstance(field, TextField)
                ]
                if not fields:
                    break
                field = fields[number % len(fields)]
                field.focus()
                await processed(pilot)
                await send(pilot, "end", "ctrl+u", f"paste:{text}")
                assert field.value == as_field(text)
                row = next(one for one in rows if field in one.fields)
                last[row.item.key] = field.value
            shown = await settled(pilot)
            assert shown.replace("\n", "").isprintable()
            before = {key: app.draft.value(field_spec(key)) for key in last}
            here = page(pilot).page_name
            await press(pilot, "ctrl+s", "escape")
            app.go(here)
            shown = await settled(pilot)
            assert app.is_running
            assert app._exception is None
            assert {key: app.draft.value(field_spec(key)) for key in last} == before
            for row in page(pilot).query(Row):
                if row.item.key in last and row.item.kind == "text":
                    assert row.query_one(TextField).value == last[row.item.key]
            assert frame(app).replace("\n", "").isprintable()


@pytest.mark.parametrize("what", SECRETS)
async def test_a_secret_pasted_into_any_field_is_not_committed(what: str, tmp_path: Path) -> None:
    secret = SECRETS[what]
    app = wizard(tmp_path, "production", *COMPLETE)
    clean = app.draft
    written = []
    for item in field_specs():
        if item.kind not in {"text", "secret"} or not item.applies(clean.answers):
            continue
        value: object = {"env": secret} if item.kind == "secret" else secret
        app.draft = clean.with_answer(item, value)
        refusal = _refusal(app)
        if refusal is None:
            written.append(item.key)
        assert MARKER not in str(refusal)
    assert written == []


def _refusal(app: WizardApp) -> str | None:
    """Return the error, hint and problems of a refused commit; None if it would succeed."""
    try:
        require_ready(app.propose().plan)
    except WizardError as error:
        return f"{error} {error.hint} {getattr(error, 'problems', '')}"
    return None
