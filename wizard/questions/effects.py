"""What a change of an answer does to the running system, declared beside the question.

`wizard.plan.consequences` compares old and new answers and states these effects in the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Grade: TypeAlias = Literal["none", "restart", "interrupt", "data", "irreversible", "new system"]

# From harmless to severe.
GRADES: tuple[Grade, ...] = ("none", "restart", "interrupt", "data", "irreversible", "new system")


def needs_consent(grade: Grade) -> bool:
    """Return whether a consequence of this grade needs a yes of its own: `interrupt` and up."""
    return GRADES.index(grade) >= GRADES.index("interrupt")


def _always(old: object, new: object) -> bool:
    del old, new
    return True


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect of changing an answer.

    `name` is the stable name that `--accept` takes; several questions may share it. `text` is one
    sentence and may contain `{old}` and `{new}`. `applies` decides by the old and the new value.
    `needs_backup`: a commit needs evidence of a backup of the database.
    """

    name: str
    grade: Grade
    text: str
    applies: Callable[[Any, Any], bool] = _always
    needs_backup: bool = False


# Of every answer that says where the payload is.
ANOTHER_PAYLOAD = Effect(
    "another-payload",
    "data",
    "Airflow's keys are read from another place: copy the old values there first. With a new "
    "Fernet key, Airflow cannot decrypt its connections.",
)
