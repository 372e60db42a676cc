"""Conditions under which questions apply, as data: keys of the answers and accepted values.

A condition names keys instead of reading attributes of a model. A section therefore does not import
the model that contains it, and `explain`, the JSON schema and the help use the same condition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from wizard.formats.nested import get_value, split_key


@dataclass(frozen=True, slots=True)
class Requirement:
    """One answer that a condition depends on: its dotted key, and a test of its value."""

    key: str
    accepts: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """When a question applies; `text` completes the sentence "asked with ..."."""

    text: str
    requirements: tuple[Requirement, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        own, others = set(self.requirements), set(other.requirements)
        if others <= own:
            return self
        if own <= others:
            return other
        return Condition(f"{self.text} and {other.text}", (*self.requirements, *other.requirements))

    def holds(self, answers: BaseModel | Mapping[str, Any]) -> bool:
        """Return whether complete answers (a model or nested mappings) meet every requirement."""
        # Most conditions require nothing.
        return not self.requirements or all(
            one.accepts(get_value(answers, split_key(one.key))) for one in self.requirements
        )


ALWAYS = Condition("every installation")


def when(text: str, key: str, *values: object) -> Condition:
    """Return the condition that the answer at `key` is one of `values`."""
    return Condition(text, (Requirement(key, lambda value: value in values),))


def when_not(text: str, key: str, *values: object) -> Condition:
    """Return the condition that the answer at `key` is not one of `values`."""
    return Condition(text, (Requirement(key, lambda value: value not in values),))


def when_matching(text: str, key: str, accepts: Callable[[Any], bool]) -> Condition:
    """Return the condition that `accepts` returns true for the answer at `key`."""
    return Condition(text, (Requirement(key, accepts),))
