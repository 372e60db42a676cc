"""Text from outside on a screen: never markup, and no character that drives a terminal."""

from __future__ import annotations

from textual.content import Content

from wizard.errors import WizardError
from wizard.formats.terminal import escape_unprintable


def plain(text: str, style: str = "") -> Content:
    """The text as it is, line ends kept, everything that does not print escaped."""
    safe = "\n".join(escape_unprintable(line) for line in text.split("\n"))
    return Content.styled(safe, style) if style else Content(safe)


def replace_unprintable(text: str) -> str:
    """As many characters, each that does not print replaced: for text under a cursor."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def pluralize(number: int, one: str, many: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def as_error(error: Exception, command: str) -> WizardError:
    """What a page says of it; of a bug only the kind, for its text may hold a value.

    `command` is what tells where it is, outside of the screens.
    """
    if isinstance(error, WizardError):
        return error
    return WizardError(f"a bug ({type(error).__name__})", f"`airflow-wizard {command}` says where")


def question_label(key: str) -> str:
    """`Section: Question` of a dotted key; the key itself where it is no question's."""
    from wizard.answers.questions import field_specs

    found = next((item for item in field_specs() if item.key == key), None)
    return f"{found.model.title}: {found.title}" if found else key
