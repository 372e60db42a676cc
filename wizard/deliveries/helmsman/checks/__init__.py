"""Checks of the files of the delivery helmsman."""

from __future__ import annotations

from wizard.deliveries.helmsman.checks.image_values import check_image_values

CHECKS = (check_image_values,)
