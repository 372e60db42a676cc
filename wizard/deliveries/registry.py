"""The registry of deliveries. To add one, write its folder and add one line here."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.deliveries.record import DeliveryKind

# Each value of `delivery.kind`, and the package whose module `kind` defines its record, DELIVERY.
# The first is the default.
DELIVERIES: dict[str, str] = {
    "argocd": "wizard.deliveries.argocd",
    "helm": "wizard.deliveries.helm",
    "helmsman": "wizard.deliveries.helmsman",
    "kind": "wizard.deliveries.kind",
    "minikube": "wizard.deliveries.minikube",
}


@cache
def delivery_kind(name: str) -> DeliveryKind:
    """Return the record of the delivery that `delivery.kind` names; KeyError if unknown."""
    kind: DeliveryKind = import_module(f"{DELIVERIES[name]}.kind").DELIVERY
    return kind


def delivery_kinds() -> tuple[DeliveryKind, ...]:
    """Return every delivery's record, in the order in which they are offered."""
    return tuple(delivery_kind(name) for name in DELIVERIES)
