"""Helmsman's part of the handover to the platform's owner and CI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.deliveries.helm.live import handover
from wizard.deliveries.helmsman.manifests import state_path
from wizard.deliveries.live import DeliveryHandover

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering


def render_delivery_handover(
    answers: Answers, rendering: Rendering, committed: Mapping[str, str]
) -> DeliveryHandover:
    """Return Helm's part, and the command of Helmsman for CI."""
    own = (
        "A change of the image's tag alone needs Helmsman only:",
        f"  helmsman --apply -f {state_path(rendering.release)}",
    )
    found = handover.render_delivery_handover(answers, rendering, committed)
    return replace(found, ci_variables=(*found.ci_variables, *own))
