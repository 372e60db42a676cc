"""The delivery of an installation, as `apply` and `destroy` carry it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.live import Installer, live_delivery
from wizard.errors import RefusedError

if TYPE_CHECKING:
    from wizard.systems.target import Target


def find_installer(kind: str, runbook: str) -> Installer:
    """Return how a kind is installed; RefusedError for one by hand, as `runbook` says."""
    installer = live_delivery(kind).installer
    if installer is None:
        raise RefusedError(f"delivery {kind} is made by hand", f"{runbook} has the commands")
    return installer


def get_installer(target: Target) -> Installer:
    """Return how the target's delivery is installed; RefusedError as `find_installer`."""
    return find_installer(target.release.delivery, target.release.runbook)
