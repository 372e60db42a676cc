"""Read public files named in the answers once, and return the certificates to save with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.answers.files import with_value
from wizard.answers.questions import field_specs
from wizard.errors import AnswersError, Problem
from wizard.formats.certificates import extract_certificates
from wizard.formats.input_files import MAX_CERTIFICATES
from wizard.formats.nested import get_value

if TYPE_CHECKING:
    from wizard.answers.model import Answers


def load_assets(answers: Answers, read: Callable[[str], bytes]) -> tuple[Answers, dict[str, str]]:
    """Return the answers, which now name the saved copies, and the text of each copy by key.

    `read` takes a path as answered (relative to the answers file) and raises OSError. Raises
    AnswersError, which names the question, if a file cannot be read or holds no certificate.
    """
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for item in field_specs(type(answers)):
        path = (
            str(get_value(answers, item.path)) if item.ask.asset and item.applies(answers) else ""
        )
        if not path:
            continue
        try:
            data = read(path)
            if len(data) > MAX_CERTIFICATES:
                raise ValueError("the file is too large for CA certificates")
            found[item.key] = extract_certificates(data.decode("ascii", "replace"))
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
