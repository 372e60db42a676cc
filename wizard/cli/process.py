"""Protects the memory and the connections of this process while it may hold secrets."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

# <linux/prctl.h>
_PR_SET_DUMPABLE = 4


def forbid_core_files() -> None:
    """Make a crash of this process, and of those it starts, write no core file."""
    import resource

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def forbid_memory_images() -> None:
    """Keep crash handlers and other processes of this user from reading this process's memory.

    A core_pattern that starts a program ignores the limit of core files, but not this attribute.
    A program that this process starts has the attribute again. Only Linux has it.
    """
    if sys.platform == "linux":
        import ctypes  # takes milliseconds, so commands that hold no value do without

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def forbid_tls_key_log() -> None:
    """Keep the TLS libraries from writing session keys to the file that SSLKEYLOGFILE names.

    `ssl.create_default_context` and urllib3 would do so, for Vault's connection too.
    """
    os.environ.pop("SSLKEYLOGFILE", None)
