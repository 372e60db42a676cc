"""Everything that may go wrong on purpose, and the exit code each one ends the command with.

::

    WizardError            1   the work could not be done
      AnswersError         3   answers, a preset or --set do not validate; all problems at once
      RefusedError         4   a check, a required probe or missing evidence forbids it
      ConflictError        5   a hand edit, a changed target or another's object needs an answer
      ApplyError           6   apply stopped part-way
      UsageError          64   the command line asks for something that does not exist

0 is success, 2 is `plan --detailed-exitcode` with changes, 70 is a bug (any other exception) and
130 an interrupt. Messages never contain a secret, nor a value that was rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process ends with; people script against these numbers."""

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
    """One thing wrong with one answer: its dotted key, what is wrong, and what would be right."""

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" if self.key else self.message


@dataclass(frozen=True, slots=True)
class Fix:
    """What to do next; false where there is nothing to say.

    `question` is the dotted key of the answer to look at, empty where no answer helps. Front ends
    lead there by this key alone: nobody searches the text.
    """

    text: str = ""
    question: str = ""

    @classmethod
    def join(cls, fixes: Iterable[Fix]) -> Fix:
        """Several in one text, each once; the first question that one of them leads to."""
        distinct = [fix for fix in dict.fromkeys(fixes) if fix]
        text = "; ".join(dict.fromkeys(fix.text for fix in distinct))
        return cls(text, next((fix.question for fix in distinct if fix.question), ""))

    def __bool__(self) -> bool:
        return bool(self.text)

    def __str__(self) -> str:
        return self.text

    def to_json(self) -> dict[str, str]:
        """The text as `fix`, and `question` beside it where it leads to one."""
        found = {"fix": self.text}
        return {**found, "question": self.question} if self.question else found


NO_FIX = Fix()


def to_fix(fix: Fix | str) -> Fix:
    """The fix itself, or one that leads to no question."""
    return fix if isinstance(fix, Fix) else Fix(fix)


class WizardError(Exception):
    """Something the operator can act on: `message` says what and where, `fix` what to do next."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, hint: Fix | str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = to_fix(hint)

    @property
    def hint(self) -> str:
        """The text of the fix."""
        return self.fix.text


class AnswersError(WizardError):
    """Answers that cannot be read or do not validate; carries every problem found."""

    exit_code = ExitCode.INVALID

    def __init__(
        self, message: str, problems: Sequence[Problem] = (), hint: Fix | str = ""
    ) -> None:
        super().__init__(message, hint)
        self.problems = tuple(problems)


class RefusedError(WizardError):
    """A safety rule forbids going on; nothing was written."""

    exit_code = ExitCode.REFUSED


class ConflictError(WizardError):
    """The repository or a target is not as expected, and only a person can decide."""

    exit_code = ExitCode.CONFLICT


class ApplyError(WizardError):
    """Live changes stopped part-way; the message lists what is done, undone and left."""

    exit_code = ExitCode.PARTIAL


class UsageError(WizardError):
    """The command line cannot be carried out as given."""

    exit_code = ExitCode.USAGE
