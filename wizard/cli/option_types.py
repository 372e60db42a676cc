"""Types of option values for argparse: each refuses what can never be meant."""

from __future__ import annotations

import argparse

_MAX_NAME = 1000


def require_text(text: str) -> str:
    """Refuse an empty value: it may come from an unset variable in a script."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def require_path(text: str) -> str:
    """Refuse a text that cannot be the path of a file."""
    from wizard.formats.input_files import explain_impossible_path

    if reason := explain_impossible_path(require_text(text)):
        raise argparse.ArgumentTypeError(reason)
    return text


def require_name(text: str) -> str:
    """Refuse a text that is too long for a name of anything."""
    if len(require_text(text)) > _MAX_NAME or not text.isprintable():
        message = f"a name has at most {_MAX_NAME} characters, all of them printable"
        raise argparse.ArgumentTypeError(message)
    return text
