"""Secrets made by hand have nothing live: the runbook's commands make them."""

from __future__ import annotations

from wizard.stores.live import LiveStore

LIVE = LiveStore()
