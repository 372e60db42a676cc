"""When an ExternalSecret counts as just synced, by the clock of the cluster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wizard.systems.cluster.external_secrets import is_just_synced

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def synced(at: object) -> dict[str, Any]:
    ready = [{"type": "Ready", "status": "True"}]
    return {"metadata": {"generation": 1}, "status": {"conditions": ready, "refreshTime": at}}


@pytest.mark.parametrize(
    ("ago", "is_fresh"),
    [
        (timedelta(0), True),
        (timedelta(minutes=9), True),
        (timedelta(minutes=11), False),
        # The clocks of two nodes differ a little, but not by days.
        (timedelta(seconds=-30), True),
        (timedelta(minutes=-2), False),
        (timedelta(days=-3), False),
    ],
)
def test_a_sync_counts_only_if_it_was_a_few_minutes_ago(ago: timedelta, is_fresh: bool) -> None:
    assert is_just_synced(synced((NOW - ago).isoformat()), NOW) is is_fresh


def test_a_sync_at_no_known_time_does_not_count() -> None:
    for at in ("", None, "soon", NOW.replace(tzinfo=None).isoformat()):
        assert not is_just_synced(synced(at), NOW)
    assert not is_just_synced(synced(NOW.isoformat()), None)
