"""Imports the HTTP libraries on first use, in one thread at a time.

requests and kubernetes import parts of each other. If two threads import both at the same time,
Python resolves the deadlock by returning half-imported modules.
"""

from __future__ import annotations

import threading
from importlib import import_module

_IMPORT_LOCK = threading.Lock()


def import_modules(*names: str) -> None:
    """Import these modules; a module that is already imported costs almost nothing."""
    with _IMPORT_LOCK:
        for name in names:
            import_module(name)
