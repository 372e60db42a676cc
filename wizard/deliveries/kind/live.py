"""On a laptop, the runbook's commands install and remove everything."""

from __future__ import annotations

from wizard.deliveries.live import LiveDelivery

LIVE = LiveDelivery()
