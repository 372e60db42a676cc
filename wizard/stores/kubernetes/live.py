"""The live part of the store kubernetes, which is empty: the user runs the runbook's commands."""

from __future__ import annotations

from wizard.stores.live import LiveStore

LIVE = LiveStore()
