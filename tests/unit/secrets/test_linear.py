"""The search for secrets takes time in proportion to the text, whatever the text is."""

from __future__ import annotations

import time

import pytest

from tests.support.hostile import pieces, repeat
from wizard.secrets.scan import find_leaks

LENGTH = 200_000
# Twice the text takes twice the time, and four times if a search is quadratic.
LIMIT = 3.2
# The slowest inputs that we know; measured with all pieces.
SLOWEST = (
    "password:", "AIRFLOW_CONN_A=a://", "password=A_", "password=/a", "pat ", "AccountKey=",
    "--password \\\n", "a://{{}}", "-----BEGIN ",
)  # fmt: skip


def seconds(text: str) -> float:
    start = time.process_time()
    for _ in find_leaks(text):
        pass
    return time.process_time() - start


def growth(piece: str, length: int) -> float:
    """How much longer twice the text takes; other processes only ever add time, so retry."""
    best = float("inf")
    for _ in range(4):
        once, twice = seconds(repeat(piece, length)), seconds(repeat(piece, 2 * length))
        best = min(best, twice / max(once, 0.01))
        if best < LIMIT:
            break
    return best


@pytest.mark.timeout(900)
def test_no_piece_makes_the_search_quadratic() -> None:
    slow = {piece: found for piece in pieces() if (found := growth(piece, 12_000)) >= LIMIT}

    assert not slow


@pytest.mark.timeout(900)
@pytest.mark.parametrize("piece", SLOWEST)
def test_the_slowest_text_is_searched_in_linear_time(piece: str) -> None:
    assert growth(piece, LENGTH) < LIMIT
