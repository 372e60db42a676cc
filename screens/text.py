"""Text from outside on a screen: never parsed as markup, never a control character."""

from __future__ import annotations

from textwrap import wrap

from textual.content import Content

from wizard.errors import AnswersError, WizardError
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


def fit_text(text: str, more: str, width: int, height: int) -> str:
    """Return the text for an area of this size: with `more` in a line below it, if it fits.

    A text that is longer than the area ends with `… f1`, the key that shows it in full.
    """
    lines = [line for part in text.split("\n") for line in _wrap(part, width)]
    if len(lines) < height and more:
        return f"{text}\n{more}"
    if len(lines) <= height:
        return text
    ending = " … f1"
    last = lines[height - 1][: width - len(ending)].rstrip()
    return "\n".join([*lines[: height - 1], f"{last}{ending}"])


def _wrap(text: str, width: int) -> list[str]:
    return wrap(text, width, break_on_hyphens=False) or [""]


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


def format_error(error: WizardError) -> str:
    """Return an error in full, with its problems and its hint."""
    problems = error.problems if isinstance(error, AnswersError) else ()
    lines = [error.message, *(f"  {problem}" for problem in problems)]
    return "\n".join([*lines, "", error.hint])
