"""Names of the pages that are not sections of the answers."""

from __future__ import annotations

from typing import Final

HOST_KEYS: Final = "dags.host_keys"
DEPLOY_KEY: Final = "dags.deploy_key"
PREFLIGHT: Final = "pre-flight"
REVIEW: Final = "review"
SETTINGS: Final = "settings"
OVERVIEW: Final = "overview"
START: Final = "start"
START_TITLE: Final = "What only you know"
