"""Read public files named in the answers once, and return the text to save with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.answers.files import with_value
from wizard.answers.questions import field_specs
from wizard.errors import AnswersError, Problem
from wizard.formats.nested import get_value

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.questions.assets import Asset


def load_assets(
    answers: Answers, read: Callable[[str, int], bytes]
) -> tuple[Answers, dict[str, str]]:
    """Return the answers, which now name the saved copies, and the text of each copy by key.

    `read` takes a path as answered (relative to the answers file) and the most bytes to read, and
    raises OSError. Raises AnswersError, which names the question, if a file cannot be read or
    holds something else than the question asks for.
    """
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for item in field_specs(type(answers)):
        kind = item.ask.asset
        path = str(get_value(answers, item.path)) if kind and item.applies(answers) else ""
        if kind is None or not path:
            continue
        try:
            found[item.key] = _read_text(kind, read(path, kind.limit))
        except OSError as error:
            problems.append(
                Problem(item.key, f"cannot be read: {error.strerror or 'no such file'}")
            )
        except ValueError as error:
            problems.append(Problem(item.key, str(error)))
        answers = with_value(answers, item.path, path.replace("\\", "/").rpartition("/")[2])
    if problems:
        raise AnswersError("a file named in the answers cannot be used", problems)
    return answers, found


def _read_text(kind: Asset, data: bytes) -> str:
    if len(data) > kind.limit:
        raise ValueError(f"the file is too large for {kind.content}")
    return kind.read(data)
