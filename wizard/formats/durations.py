"""Durations in Go's form, as Kubernetes, Argo CD and git-sync read them."""

from __future__ import annotations

import re

# Go's longest duration is 292 years; five digits of hours are at most eleven years.
_DURATION = r"([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?"


def check_duration(value: str) -> str:
    """Return a positive duration in hours, minutes and seconds; ValueError says what to give."""
    if not re.fullmatch(_DURATION, value) or not re.search(r"[1-9]", value):
        raise ValueError("give a duration such as 30s, 5m or 1h30m")
    return value


def duration_seconds(value: str) -> int:
    """Return a duration such as 1h30m in seconds; ValueError if the text is not a duration."""
    match = re.fullmatch(_DURATION, value)
    if match is None:
        raise ValueError(f"not a duration: {value!r}")
    hours, minutes, seconds = (int((part or "0x")[:-1]) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def canonical_duration(value: str) -> str:
    """Return a duration as Go prints it (`1h0m0s` for `1h`).

    The API server stores this form, so Argo CD shows no diff. Source: the ExternalSecret to which
    the API server adds nothing (facts, External Secrets 2.9).
    """
    total = duration_seconds(value)
    parts = (total // 3600, total % 3600 // 60, total % 60)
    if parts[0]:
        return f"{parts[0]}h{parts[1]}m{parts[2]}s"
    return f"{parts[1]}m{parts[2]}s" if parts[1] else f"{parts[2]}s"
