"""Answers the questions of a scenario on the screens, page by page, with keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from screens.app import WizardApp
from screens.draft.start import InitialAnswers
from screens.pages.host_keys.page import HostKeyScreen
from screens.pages.result import ResultScreen
from screens.steps import HOST_KEYS, REVIEW
from screens.widgets.choices import Choice
from screens.widgets.fields import Door, TextField, Tick
from screens.widgets.rows import Row
from tests.screens.support import app_of, done, jump, page, paste, press
from tests.support.scenarios import Scenario
from tests.support.screens import processed, send, settled
from wizard.answers.host_keys import HOST_KEY_QUESTIONS
from wizard.answers.presets import list_presets
from wizard.answers.questions import field_specs
from wizard.formats.nested import get_value
from wizard.hostkeys.keys import HostKey
from wizard.workspace.proposal import CommitResult
from wizard.workspace.workspace import Workspace

MOST_PAGES = 30


async def answer_all(folder: Path, inputs: Path, scenario: Scenario) -> CommitResult:
    """Open the screens on this repository, answer every page, and commit.

    `inputs` holds the public files that answers name; answers without a page are given at start.
    """
    pages = {item.key for item in field_specs() if item.model.asked}
    given = {key: value for key, value in scenario.answers.items() if key not in pages}
    data = Scenario(given).data
    app = WizardApp(Workspace.open(folder), lambda: InitialAnswers(data, folder=inputs))
    async with app.run_test(size=(80, 40), notifications=True) as pilot:
        await settled(pilot)
        for _ in range(MOST_PAGES):
            name = page(pilot).page_name
            if name == REVIEW:
                break
            if name == HOST_KEYS:
                await _prove(pilot, scenario, HOST_KEYS)
            else:
                await _fill(pilot, scenario.answers)
                await _open_doors(pilot, scenario, name)
            await press(pilot, "ctrl+n")
        shown = await settled(pilot)
        shown = await press(pilot, "enter")
        assert isinstance(pilot.app.screen, ResultScreen), shown
        await press(pilot, "enter")
    return done(app)


async def answer_preset(folder: Path, preset: str, scenario: Scenario) -> CommitResult:
    """Open the screens as a newcomer: pick a preset, answer the open questions, and commit."""
    app = WizardApp(Workspace.open(folder), lambda: InitialAnswers({}, pick_preset=True))
    async with app.run_test(size=(80, 40), notifications=True) as pilot:
        await settled(pilot)
        await press(pilot, *["down"] * list_presets().index(preset), "enter")
        await _fill(pilot, scenario.answers)
        assert {row.item.key for row in page(pilot).query(Row) if row.display} == set(
            scenario.answers
        )
        shown = await press(pilot, "enter")
        assert page(pilot).page_name == REVIEW, shown
        shown = await press(pilot, "enter")
        assert isinstance(pilot.app.screen, ResultScreen), shown
        await press(pilot, "enter")
    return done(app)


async def _fill(pilot: Pilot[Any], answers: Mapping[str, Any]) -> None:
    """Answer every question of the page, including those that appear with an answer."""
    seen: set[str] = set()
    while True:
        rows = [row for row in page(pilot).query(Row) if row.display]
        left = [row for row in rows if row.item.key in answers and row.item.key not in seen]
        if not left:
            return
        seen.add(left[0].item.key)
        await _answer(pilot, left[0], answers[left[0].item.key])


async def _answer(pilot: Pilot[Any], row: Row, value: Any) -> None:
    field = next(iter(row.fields), None)
    if field is None or isinstance(field, Door):
        return
    field.focus()
    await processed(pilot)
    if isinstance(field, Tick):
        if field.value is not value:
            await send(pilot, "space")
    elif isinstance(field, Choice) and row.item.kind == "secret":
        kind, argument = next(iter(value.items()))
        await _turn(pilot, field, kind)
        if argument is not True:
            await send(pilot, "enter")
            await _type(pilot, argument)
    elif isinstance(field, Choice):
        await _turn(pilot, field, value)
    else:
        await _type(pilot, _as_text(value))
    if isinstance(field, (Tick, Choice)):
        await settled(pilot)  # other questions may come


def _as_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={text}" for name, text in value.items())
    return value if isinstance(value, str) else json.dumps(value)


async def _turn(pilot: Pilot[Any], choice: Choice, wanted: str) -> None:
    here = choice.names.index(choice.value)
    there = choice.names.index(wanted)
    await send(pilot, *["right" if there > here else "left"] * abs(there - here))
    assert choice.value == wanted


async def _type(pilot: Pilot[Any], text: str) -> None:
    assert isinstance(page(pilot).focused, TextField)
    await send(pilot, "end", "ctrl+u", f"paste:{text}")


async def _open_doors(pilot: Pilot[Any], scenario: Scenario, section: str) -> None:
    """Prove the host keys of the questions on this page that the scenario answers."""
    for key in HOST_KEY_QUESTIONS:
        if key != HOST_KEYS and key in scenario.answers and key.split(".")[0] == section:
            await jump(pilot, key)
            await _prove(pilot, scenario, key)
            app_of(pilot).go(section)
            await settled(pilot)


async def _prove(pilot: Pilot[Any], scenario: Scenario, question: str) -> None:
    keys = get_value(scenario.data, tuple(question.split(".")), [])
    if keys:
        shown = page(pilot)
        assert isinstance(shown, HostKeyScreen)
        name = shown.git_host.name
        await paste(pilot, "\n".join(f"{name} {key['type']} {key['key']}" for key in keys))
    proven = {HostKey(key["type"], key["key"]).fingerprint for key in keys}
    page(pilot).query_one(TextField).focus()
    for fingerprint in scenario.typed:
        if fingerprint in proven:
            await press(pilot, f"paste:{fingerprint}", "enter")
