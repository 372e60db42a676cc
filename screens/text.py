"""Text from outside on a screen: never parsed as markup, never a control character."""

from __future__ import annotations

from textual.content import Content

from wizard.errors import WizardError
from wizard.formats.terminal import escape_unprintable


def plain(text: str, style: str = "") -> Content:
    """Return the text with its line ends, non-printing characters escaped."""
    safe = "\n".join(escape_unprintable(line) for line in text.split("\n"))
    return Content.styled(safe, style) if style else Content(safe)


def replace_unprintable(text: str) -> str:
    """Replace each non-printing character; keeps the length, for text under a cursor."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def pluralize(number: int, one: str, many: str = "") -> str:
    """Return `1 file`, `2 files`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def as_error(error: Exception, command: str) -> WizardError:
    """Return the error to show; for a bug only its type, because its text may hold a value.

    `command` is the command that prints the traceback of the same bug.
    """
    if isinstance(error, WizardError):
        return error
    return WizardError(f"a bug ({type(error).__name__})", f"`airflow-wizard {command}` shows where")


def question_label(key: str) -> str:
    """Return `Section: Question` for a dotted key; other keys are returned unchanged."""
    from wizard.answers.questions import field_specs

    found = next((item for item in field_specs() if item.key == key), None)
    return f"{found.model.title}: {found.title}" if found else key
