"""All expected errors, and the exit code of the command for each of them.

::

    WizardError            1   the work could not be done
      AnswersError         3   answers, a preset or --set are not valid; lists all problems
      RefusedError         4   a check, a required probe or missing evidence forbids it
      ConflictError        5   a hand edit, a changed target or a foreign object needs a decision
      ApplyError           6   apply stopped before it was complete
      UsageError          64   the command line asks for something that does not exist

Other exit codes: 0 is success, 2 means that `plan --detailed-exitcode` found changes, 70 is a bug
(any other exception) and 130 an interrupt. Messages never contain a secret or a rejected value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """The exit codes of the process; scripts rely on these numbers."""

    DONE = 0
    FAILED = 1
    CHANGES = 2
    INVALID = 3
    REFUSED = 4
    CONFLICT = 5
    PARTIAL = 6
    USAGE = 64
    BUG = 70
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem with one answer: its dotted key, what is wrong, and what would be right."""

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" if self.key else self.message


@dataclass(frozen=True, slots=True)
class Fix:
    """What to do next; false in a condition if there is no text.

    `question` is the dotted key of the answer to change, empty if no answer can fix the problem.
    Front ends use only this key to go to the question, never the text.
    """

    text: str = ""
    question: str = ""

    @classmethod
    def join(cls, fixes: Iterable[Fix]) -> Fix:
        """Join the distinct fixes in one text; `question` is the first one that is not empty."""
        distinct = [fix for fix in dict.fromkeys(fixes) if fix]
        text = "; ".join(dict.fromkeys(fix.text for fix in distinct))
        return cls(text, next((fix.question for fix in distinct if fix.question), ""))

    def __bool__(self) -> bool:
        return bool(self.text)

    def __str__(self) -> str:
        return self.text

    def to_json(self) -> dict[str, str]:
        """Return the text as `fix`, and `question` if there is one."""
        found = {"fix": self.text}
        return {**found, "question": self.question} if self.question else found


NO_FIX = Fix()


def to_fix(fix: Fix | str) -> Fix:
    """Return the fix unchanged, or for a text, a fix without a question."""
    return fix if isinstance(fix, Fix) else Fix(fix)


class WizardError(Exception):
    """An error that the user can act on: `message` is the problem, `fix` what to do next."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, hint: Fix | str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = to_fix(hint)

    @property
    def hint(self) -> str:
        """Return the text of the fix."""
        return self.fix.text


class AnswersError(WizardError):
    """Answers that are not readable or not valid; contains every problem found."""

    exit_code = ExitCode.INVALID

    def __init__(
        self, message: str, problems: Sequence[Problem] = (), hint: Fix | str = ""
    ) -> None:
        super().__init__(message, hint)
        self.problems = tuple(problems)


class RefusedError(WizardError):
    """A safety rule forbids the operation; nothing was written."""

    exit_code = ExitCode.REFUSED


class ConflictError(WizardError):
    """The repository or a target is not as expected; a person must decide."""

    exit_code = ExitCode.CONFLICT


class UsageError(WizardError):
    """The command line is not valid."""

    exit_code = ExitCode.USAGE
