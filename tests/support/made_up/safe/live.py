"""The safe's live part: nobody logs in to it."""

from __future__ import annotations

from wizard.stores.live import LiveStore

LIVE = LiveStore(missing_access="the safe is left to its owner")
