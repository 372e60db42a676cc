"""Types of option values for argparse: each refuses what can never be meant."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

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


def describe_unknown_option(unknown: Sequence[str], known: Sequence[str]) -> str:
    """Return what is wrong with unknown arguments; one is repeated only if it is harmless."""
    from wizard.formats.messages import show_name, suggest_nearest

    first = next((one for one in unknown if one.startswith("-")), "")
    if not first:
        what = "one argument" if len(unknown) == 1 else f"{len(unknown)} arguments"
        return f"{what} too many; the command takes none here"
    name = first.partition("=")[0]
    if name in known:
        return f"{name} is not an option of this command"
    shown = show_name(name, known)
    near = suggest_nearest(name, known)
    return f"there is no option {shown or 'of that name'}" + (f"; {near}" if near else "")
