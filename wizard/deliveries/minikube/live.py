"""The live part of the delivery minikube, which is empty: the user runs the runbook's commands."""

from __future__ import annotations

from wizard.deliveries.live import LiveDelivery

LIVE = LiveDelivery()
