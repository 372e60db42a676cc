"""Folders that tests read: the checkout, and the shared data beside it."""

from __future__ import annotations

from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SHARED = TOP.parent / "shared"
DATA = SHARED / "data"
