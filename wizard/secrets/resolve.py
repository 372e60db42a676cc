"""Resolves a reference to its value, as late as possible; values stay in memory.

Messages name the reference and never repeat any part of a value. A value that the leak gate cannot
search for without false positives is refused here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard.errors import Fix, WizardError
from wizard.formats.input_files import expand_user, read_input_file
from wizard.secrets.leak_gate import MIN_LENGTH, is_too_weak

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.secrets.references import SecretRef

MAX_BYTES = 65536
_OTHERS_MODE = 0o077


class SecretError(WizardError):
    """A reference has no usable value; the message names the question, never a value.

    `available` is false if the reference is correct, but the wizard cannot read its value here
    (`generate`: it does not exist yet; `store`: others put it into the store).
    """

    def __init__(self, message: str, hint: Fix | str = "", *, available: bool = True) -> None:
        super().__init__(message, hint)
        self.available = available


def resolve_reference(
    reference: SecretRef,
    key: str,
    *,
    folder: Path | None = None,
    prompt: Callable[[str], str] | None = None,
    lines: bool = False,
    weak: bool = False,
    fix: Fix | None = None,
) -> SecretStr:
    """Return the value of the question `key`.

    A file is relative to `folder` (default: the current one). `prompt` receives the prompt text and
    reads without echo; None if there is no terminal. One line end at the end of a file is not part
    of the value. `fix` is the hint without a terminal (default: set the question `key`). Several
    lines are accepted only with `lines` (for a private key), unchanged.
    `weak` also accepts values that the leak gate cannot search for; use it only for a login, never
    for a value to store. Raises SecretError.
    """
    if reference.kind in {"generate", "store"}:
        where = (
            "is generated" if reference.kind == "generate" else "is put into the store by others"
        )
        raise SecretError(f"{key}: the value {where}, so it is not available here", available=False)
    if reference.kind == "env":
        text = _from_environment(key, reference.argument)
    elif reference.kind == "file":
        text = _from_file(key, (folder or Path.cwd()) / expand_user(reference.argument))
        if not lines:
            text = text.removesuffix("\n").removesuffix("\r")
    elif prompt is None:
        raise SecretError(
            f"{key}: needs a prompt, but there is no terminal",
            fix or Fix(f"use a variable or a file: --set '{key}={{env: NAME}}'", key),
        )
    else:
        text = prompt(key)
    return SecretStr(_require_usable(key, str(reference), text, lines, weak))


def _from_environment(key: str, name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise SecretError(
            f"{key}: the variable {name} is not set", f"export {name}, then try again"
        )
    return value


def _from_file(key: str, path: Path) -> str:
    def refuse_others(state: os.stat_result) -> None:
        if state.st_mode & _OTHERS_MODE:
            raise SecretError(
                f"{key}: others may read or write {path} (mode {state.st_mode & 0o777:04o})",
                f"chmod 600 {path}, or use a variable",
            )

    try:
        data = read_input_file(path, MAX_BYTES, check=refuse_others)
    except OSError as error:
        raise SecretError(f"{key}: {path} cannot be read: {error.strerror}") from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if not text or text.startswith("\ufeff"):
        reason = (
            "is empty" if not data else "is not plain UTF-8 text (UTF-16, or a byte order mark)"
        )
        raise SecretError(f"{key}: {path} {reason}")
    return text


def _require_usable(key: str, reference: str, text: str, lines: bool, weak: bool) -> str:
    if not text:
        raise SecretError(f"{key}: {reference} is empty")
    if any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        raise SecretError(f"{key}: {reference} is not UTF-8 text")
    if "\0" in text or (not lines and ("\n" in text or "\r" in text)):
        raise SecretError(f"{key}: {reference} has more than one line, or a NUL character")
    if not weak and is_too_weak(text):
        raise SecretError(
            f"{key}: {reference} is too weak: fewer than {MIN_LENGTH} characters, or fewer than 3 "
            "different ones",
            "choose a longer value",
        )
    return text
