"""How long a key takes until it is painted, and how many keys the usual tasks take.

The times are taken beside a plain Textual form of as many fields, key by key in turns. Counts of
keys are exact: they are asserted where they belong, in tests/screens.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from screens.pages.result import ResultScreen
from screens.widgets.rows import Row
from tests.bench.peers.plain_form import PlainForm
from tests.screens.support import (
    COMPLETE,
    commit_preset,
    field,
    jump,
    newcomer,
    page,
    press,
    reopened,
    wizard,
)
from tests.support.screens import frame, post, settled
from wizard.answers.presets import list_presets

SIZE = (80, 24)
PRESSES = 100
TURNS = 30
LIMIT = 5.0
FIELD_BUDGET_MS, PAGE_BUDGET_MS = 16, 150

# What people type for the questions that a preset leaves open.
TEXTS = {
    **dict(one.split("=", 1) for one in COMPLETE),
    "logs.url": "s3://example-logs/prod",
    "logs.blob.account": "airflowlogs",
    "secrets.azure.vault_url": "https://kv-airflow.vault.azure.net",
    "secrets.azure.tenant_id": "11111111-2222-3333-4444-555555555555",
    "secrets.azure.client_id": "aaaaaaaa-2222-3333-4444-555555555555",
}
# Ten typical changes: what is searched, what is typed or pressed, and the question it changes.
CHANGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "executor.workers.replicas": ("wor", ("4",)),
    "executor.workers.concurrency": ("tasks per", ("8",)),
    "components.scheduler.replicas": ("scheduler rep", ("3",)),
    "environment.timezone": ("time zone", tuple("Europe/Oslo")),
    "dags.ref": ("dags.ref", tuple("prod")),
    "dags.period": ("period", tuple("30")),
    "database.port": ("port", tuple("5433")),
    "installation.airflow": ("airflow ver", tuple("3.2.1")),
    "executor.workers.resources.memory": ("worker mem", tuple("2Gi")),
    "access.kind": ("access.kind", ("right",)),
}


class Watch:
    """Tells at each paint whether the screen shows what is waited for; looks at no other time."""

    def __init__(self, app: App[Any]) -> None:
        self.app = app
        self.is_done: Callable[[], bool] = lambda: False
        self.done_at = 0.0
        self.done = asyncio.Event()
        display = app._display

        def watched(screen: Any, renderable: Any) -> None:
            display(screen, renderable)
            if not self.done.is_set() and self.is_done():
                self.done_at = time.perf_counter()
                self.done.set()

        app._display = watched  # type: ignore[method-assign]

    async def press(self, key: str, is_done: Callable[[], bool]) -> float:
        """Seconds from this key to the paint that shows it; RuntimeError without any."""
        self.is_done = is_done
        self.done.clear()
        started = time.perf_counter()
        post(self.app, key)
        try:
            await asyncio.wait_for(self.done.wait(), LIMIT)
        except TimeoutError:
            raise RuntimeError(f"{key} was never painted:\n{frame(self.app)}") from None
        return self.done_at - started


def _line_of(app: App[Any], widget: Callable[[], Input]) -> Callable[[], str]:
    """What is painted of a field."""

    def line() -> str:
        strips = app.screen._compositor.render_strips()
        return strips[widget().region.y].text

    return line


@asynccontextmanager
async def _ours() -> AsyncIterator[tuple[Pilot[Any], Callable[[], str]]]:
    app = wizard(Path(tempfile.mkdtemp()), "production", *COMPLETE)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await jump(pilot, "database.name")
        await press(pilot, "end")
        yield pilot, _line_of(app, lambda: field(pilot, "database.name"))


async def measure_field() -> tuple[list[float], list[float], int]:
    """Seconds from a key to its paint: ours, those of a plain form, and its number of fields."""
    ours, theirs = [], []
    async with _ours() as (pilot, our_line):
        fields = len([one for one in page(pilot).query(Row) if one.display])
        plain = PlainForm(fields)
        async with plain.run_test(size=SIZE) as other:
            await other.pause()
            plain_line = _line_of(plain, lambda: plain.query(Input).first())
            our_watch, plain_watch = Watch(pilot.app), Watch(plain)
            for number in range(PRESSES):
                key = "a" if number % 2 == 0 else "backspace"
                ours.append(await our_watch.press(key, _differs(our_line)))
                await settled(pilot)
                theirs.append(await plain_watch.press(key, _differs(plain_line)))
                await other.pause(0)
    return ours, theirs, fields


async def _until(app: App[Any], key: str, is_done: Callable[[], bool]) -> float:
    """Seconds from a key until this is so, which is looked at every 2 ms."""
    started = time.perf_counter()
    post(app, key)
    while not is_done():
        if time.perf_counter() - started > LIMIT:
            raise RuntimeError(f"{key}: nothing came of it:\n{frame(app)}")
        await asyncio.sleep(0.002)
    return time.perf_counter() - started


def _differs(line: Callable[[], str]) -> Callable[[], bool]:
    before = line()
    return lambda: line() != before


async def measure_pages() -> tuple[list[float], list[float]]:
    """Seconds from a key to the next page, and to the review with its diff."""
    pages, reviews = [], []
    app = wizard(Path(tempfile.mkdtemp()), "production", *COMPLETE)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        names = [step.name for step in app.draft.pages][: TURNS // 3]
        for _ in range(3):
            for here in names:
                pages.append(await _until(app, "ctrl+n", _is_painted(app, here)))
                await settled(pilot)
            app.go(names[0])
            await settled(pilot)
        for _ in range(TURNS // 3):
            reviews.append(await _until(app, "ctrl+s", lambda: "enter commits" in frame(app)))
            await press(pilot, "escape")
    return pages, reviews


def _is_painted(app: Any, here: str) -> Callable[[], bool]:
    """Whether another page is on the screen, with its rows."""

    def is_done() -> bool:
        other = app.page is not None and app.page_name != here
        return other and any(one in frame(app) for one in ("[", "key"))

    return is_done


async def count_first_keys(preset: str) -> tuple[int, int]:
    """Keys from an empty folder to the commit: those that decide, and letters typed."""
    app = newcomer(Path(tempfile.mkdtemp()), pick_preset=True)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        chosen = ["down"] * list_presets().index(preset)
        await press(pilot, *chosen, "enter")
        count, letters = len(chosen) + 1, 0
        keys = [row.item.key for row in page(pilot).query(Row) if row.display]
        for key in keys:
            await press(pilot, f"paste:{TEXTS[key]}", "enter")
            count, letters = count + 1, letters + len(TEXTS[key])
        if not keys:
            await press(pilot, "enter")
            count += 1
        await press(pilot, "enter")
        if not isinstance(pilot.app.screen, ResultScreen):
            raise RuntimeError(f"{preset}: no commit:\n{frame(app)}")
        return count + 1, letters


async def count_change_keys() -> dict[str, int]:
    """Keys from the start of a re-run to the changed answer and its diff, by question.

    One more enter commits it, or asks about its consequences.
    """
    top = commit_preset(Path(tempfile.mkdtemp()))
    found = {}
    for key, (search, typed) in CHANGES.items():
        app = reopened(top)
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            pressed = ["slash", *("space" if one == " " else one for one in search), "enter"]
            pressed += [*typed, "enter"]
            await press(pilot, *pressed)
            changed = [item.key for item in app.draft.changed_items]
            found[key] = len(pressed) + 1 if changed[:1] == [key] else 0
    return found


def _row(what: str, times: list[float], budget: float) -> str:
    value = statistics.quantiles(times, n=20)[-1] * 1000
    verdict = "within" if value <= budget else "OVER"
    return f"{what}: {value:.1f} ms at the 95th percentile, {verdict} {budget:g} ms"


async def report(say: Callable[[str], None]) -> None:
    """Measure all and say it line by line."""
    ours, theirs, fields = await measure_field()
    say(_row("key press to paint in a field", ours, FIELD_BUDGET_MS))
    plain = statistics.quantiles(theirs, n=20)[-1] * 1000
    ratio = statistics.median(ours) / statistics.median(theirs)
    say(f"  a plain Textual form of {fields} fields: {plain:.1f} ms; ours takes {ratio:.1f}x")
    pages, reviews = await measure_pages()
    say(_row("page change", pages, PAGE_BUDGET_MS))
    say(_row("review", reviews, PAGE_BUDGET_MS))
    say("keys from an empty folder to the commit (letters and digits of the answers beside them):")
    for preset in list_presets():
        count, letters = await count_first_keys(preset)
        say(f"  {preset:<20} {count:>3} + {letters}")
    say("keys from the start to the committed change:")
    for key, number in (await count_change_keys()).items():
        say(f"  {key:<36} {number or 'another question is found first'}")
