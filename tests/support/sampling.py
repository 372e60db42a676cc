"""Long lists of cases: the first of several tests tries all of them, each other one a share.

WIZARD_EVERY_CASE=1 in the environment makes every test try all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

EVERY_CASE = bool(os.environ.get("WIZARD_EVERY_CASE"))
T = TypeVar("T")


def share(cases: Iterable[T], turn: int, of: int) -> Sequence[T]:
    """All cases at turn 0; later every `of`-th, so that `of` turns have tried all again."""
    chosen = list(cases)
    return chosen if EVERY_CASE or not turn else chosen[turn % of :: of]
