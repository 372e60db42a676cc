"""The installer of a delivery, for `apply` and `destroy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.live import Installer, live_delivery
from wizard.errors import RefusedError

if TYPE_CHECKING:
    from wizard.systems.target import Target


def find_installer(kind: str, runbook: str) -> Installer:
    """Return the installer of a kind. Raises RefusedError for a manual delivery."""
    installer = live_delivery(kind).installer
    if installer is None:
        raise RefusedError(
            f"apply does not install where delivery.kind is {kind}",
            f"run the commands in {runbook}",
        )
    return installer


def get_installer(target: Target) -> Installer:
    """Return the installer of the target's delivery; raises the errors of `find_installer`."""
    return find_installer(target.release.delivery, target.release.runbook)
