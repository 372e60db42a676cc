"""The settings as a list: every question that applies with its answer, changed ones first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from screens.draft.draft import Draft
from screens.draft.values import to_text
from wizard.answers.files import dump_value
from wizard.answers.host_keys import HOST_KEY_QUESTIONS
from wizard.answers.questions import FieldSpec, field_specs
from wizard.answers.search import search_questions

CHANGED, OWN = "Changed, not committed", "Different from the defaults"
INVALID = "(invalid)"


@dataclass(frozen=True, slots=True)
class Setting:
    """One line: a question, its answer as text, and the committed one if that differs."""

    item: FieldSpec
    title: str
    answer: str
    committed: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Settings under one heading; search results have none."""

    heading: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class Settings:
    """The settings of a draft."""

    draft: Draft

    @cached_property
    def items(self) -> tuple[FieldSpec, ...]:
        """The questions that apply, in order."""
        answers = self.draft.answers
        return tuple(one for one in field_specs() if one.model.asked and one.applies(answers))

    @cached_property
    def _changed(self) -> frozenset[str]:
        return frozenset(one.key for one in self.draft.changed_items)

    def group(self) -> tuple[Group, ...]:
        """Return all settings: changed ones, those with an answer of their own, then the rest.

        The rest is grouped by section.
        """
        changed = [one for one in self.items if one.key in self._changed]
        others = [one for one in self.items if one.key not in self._changed]
        own = [one for one in others if self._is_own(one)]
        rest = [one for one in others if not self._is_own(one)]
        groups = [
            Group(CHANGED, tuple(map(self._show, changed))),
            Group(OWN, tuple(map(self._show, own))),
            *self._sections(rest),
        ]
        return tuple(one for one in groups if one.settings)

    def search(self, text: str) -> tuple[Group, tuple[str, ...]]:
        """Return the matching settings, best first, and without any, similar words."""
        answers = {one.key: self.describe(one) for one in self.items}
        result = search_questions(self.items, text, answers)
        by_key = {one.key: one for one in self.items}
        return Group("", tuple(self._show(by_key[key]) for key in result.keys)), result.near

    def describe(self, item: FieldSpec) -> str:
        """Return the answer as one line; an invalid one may be a misplaced secret, so not that."""
        if item.key in self.draft.problems:
            return INVALID if to_text(item, self.draft.value(item)) else ""
        return self._text(item, self.draft.value(item))

    def describe_changes(self) -> tuple[str, ...]:
        """Return each change as a line such as `executor.workers.replicas: 2 -> 4`."""
        return tuple(
            f"{one.key}: {self._text(one, self.draft.initial_value(one)) or '(empty)'}"
            f" -> {self.describe(one) or '(empty)'}"
            for one in self.draft.changed_items
        )

    def _text(self, item: FieldSpec, value: object) -> str:
        if item.key in HOST_KEY_QUESTIONS and isinstance(value, list):
            return f"{len(value)} accepted" if value else ""
        if item.kind == "bool":
            return "yes" if value else "no"
        return to_text(item, value)

    def _is_own(self, item: FieldSpec) -> bool:
        return bool(self.draft.value(item) != dump_value(item.default))

    def _show(self, item: FieldSpec) -> Setting:
        committed = None
        if item.key in self._changed:
            committed = self._text(item, self.draft.initial_value(item)) or "(empty)"
        return Setting(item, item.full_title, self.describe(item), committed)

    def _sections(self, items: list[FieldSpec]) -> Iterator[Group]:
        for title in dict.fromkeys(one.model.title for one in items):
            found = [one for one in items if one.model.title == title]
            yield Group(title, tuple(self._show(one) for one in found))
