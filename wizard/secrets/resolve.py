"""From a reference to the value it stands for, at the last moment and in memory only.

Nothing here repeats any part of a value: messages name the reference. What the leak gate could
not look for without false alarms is refused where it comes in.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from wizard.errors import Fix, WizardError
from wizard.secrets.leak_gate import MIN_LENGTH, is_too_weak

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.secrets.references import SecretRef

MAX_BYTES = 65536
_OTHERS_MODE = 0o077


class SecretError(WizardError):
    """A reference that gives no usable value here; the message names the question, never a value.

    `available` is false where the value does not exist yet or is held by somebody else
    (`generate`, `store`): nothing is wrong with the reference then.
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
) -> SecretStr:
    """The value of the question `key`.

    A file is relative to `folder` (default: the current one). `prompt` asks without echo and gets
    the text to ask with; None where there is nobody to ask. One line end at the end of a file is
    no part of the value; several lines are taken only with `lines` (a private key), and whole.
    `weak` also takes what the leak gate cannot look for: to log in with, never to be stored.
    Raises SecretError.
    """
    if reference.kind in {"generate", "store"}:
        where = (
            "is generated" if reference.kind == "generate" else "is put into the store by others"
        )
        raise SecretError(f"{key}: the value {where}, so there is none here", available=False)
    if reference.kind == "env":
        text = _from_environment(key, reference.argument)
    elif reference.kind == "file":
        text = _from_file(key, (folder or Path.cwd()) / Path(reference.argument).expanduser())
        if not lines:
            text = text.removesuffix("\n").removesuffix("\r")
    elif prompt is None:
        raise SecretError(
            f"{key}: is asked for, and there is no terminal to ask on",
            Fix(f"name a variable or a file: --set '{key}={{env: NAME}}'", key),
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
    import stat

    try:
        # Without waiting: opening a pipe that nobody writes to would never return.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise SecretError(f"{key}: {path} is no regular file")
            if state.st_mode & _OTHERS_MODE:
                raise SecretError(
                    f"{key}: others may read or write {path} (mode {state.st_mode & 0o777:04o})",
                    f"chmod 600 {path}, or hand the value over in a variable",
                )
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SecretError(f"{key}: {path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise SecretError(f"{key}: {path} is larger than {MAX_BYTES} bytes")
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
