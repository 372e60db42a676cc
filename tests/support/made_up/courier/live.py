"""The courier's live part: it is called by hand."""

from __future__ import annotations

from wizard.deliveries.live import LiveDelivery

LIVE = LiveDelivery()
