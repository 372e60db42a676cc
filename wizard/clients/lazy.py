"""The first import of the HTTP clients' libraries, by one thread at a time.

requests and kubernetes import parts of each other. Where two threads begin with both at once,
Python breaks the tie by handing out modules that are half imported.
"""

from __future__ import annotations

import threading
from importlib import import_module

_IMPORT_LOCK = threading.Lock()


def import_modules(*names: str) -> None:
    """Import these modules; what is imported already costs nothing worth counting."""
    with _IMPORT_LOCK:
        for name in names:
            import_module(name)
