"""Conditions on the store that more than one kind meets."""

from __future__ import annotations

from wizard.questions.conditions import when_matching
from wizard.stores.registry import STORES, store_kind

# Validation meets names that are no store's; a condition on them does not hold.
EXTERNAL_SECRETS = when_matching(
    "External Secrets",
    "secrets.store",
    lambda name: name in STORES and store_kind(name).external_secrets,
)
