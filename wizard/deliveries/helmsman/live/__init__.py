"""The live part of the delivery helmsman: as with Helm, which Helmsman runs too.

`apply` runs helm itself. It changes less than Helmsman at once, can be stopped at any moment, and
marks the release as Helmsman does, so Helmsman continues with it.
"""

from __future__ import annotations

from wizard.deliveries.helm.live import INSTALLER
from wizard.deliveries.helmsman.live.handover import render_delivery_handover
from wizard.deliveries.live import LiveDelivery

LIVE = LiveDelivery(installer=INSTALLER, handover=render_delivery_handover)
