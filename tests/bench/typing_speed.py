"""How long the preview lags behind the keys.

Textual's own `pilot.press` waits 40 ms a key; these are sent as a terminal would.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from types import ModuleType

from tests.support.screens import post, settled

PRESSES = 200
WARM_UP = 10
LIMIT = 2.0


async def percentile_95(scenes: ModuleType) -> float:
    """Seconds from a key press until `scenes.preview(app)` shows another text, 95th percentile.

    `scenes.SCENES["preview"]` makes the app at 140x45 with a text field focused whose value the
    previewed file contains.
    """
    app, steps = scenes.SCENES["preview"]()
    times = []
    async with app.run_test(size=(140, 45)) as pilot:
        await settled(pilot)
        if steps is not None:
            await steps(pilot)
        await settled(pilot)
        for number in range(WARM_UP + PRESSES):
            before = scenes.preview(app)
            started = time.perf_counter()
            post(app, "a" if number % 2 == 0 else "backspace")
            while scenes.preview(app) == before:
                if time.perf_counter() - started > LIMIT:
                    raise RuntimeError(f"key {number} never changed the preview")
                await asyncio.sleep(0)
            if number >= WARM_UP:
                times.append(time.perf_counter() - started)
            await settled(pilot)
    return statistics.quantiles(times, n=20)[-1]
