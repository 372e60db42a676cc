"""The questions line by line, for screen readers, dumb terminals and logs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wizard.answers.explain import describe_problem
from wizard.answers.files import (
    ValidationResult,
    deploy_key_fields,
    dump_value,
    parse_value,
    validate_answers,
)
from wizard.answers.host_keys import HOST_KEY_QUESTIONS
from wizard.answers.open_questions import describe_place, find_unanswered
from wizard.answers.questions import FieldSpec, field_spec, field_specs
from wizard.answers.rules import holds_secret, is_empty
from wizard.cli.console import Console, read_line
from wizard.cli.host_key_prompt import TO_REVIEW, HostKeyPrompt, ToReview
from wizard.errors import AnswersError, Problem
from wizard.formats.nested import get_value, put_value
from wizard.secrets.references import KINDS
from wizard.secrets.scan import find_leaks
from wizard.workspace.git_hosts import BUNDLES, list_git_hosts

if TYPE_CHECKING:
    from wizard.hostkeys.verdict import KnownHost
    from wizard.workspace.suggestions import Suggestion

_KEYS = "Enter keeps the value in brackets, ? explains, < goes back, > skips to the review."
_FIRST = "First what only you know."
_REVIEW = "{} has a default. Go to the review now? [Y/n]: "


@dataclass
class PromptSession:
    """Asks the questions that apply; the raw answers always have valid types.

    What only the person knows comes first; then the person may go to the review. `typed` are the
    fingerprints typed so far; `committed` are the committed host keys. `suggestions` are what this
    machine knows, by question. `complete`: all questions are asked, as the answers were committed
    before. `is_committed`: the answers of this session are.
    """

    console: Console
    data: dict[str, Any]
    typed: list[str] = field(default_factory=list)
    committed: Sequence[KnownHost] = ()
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    complete: bool = False
    is_committed: bool = False
    _open: frozenset[str] = frozenset()
    _skips: bool = False
    _validated: tuple[dict[str, Any], ValidationResult] | None = None

    def validate(self, data: dict[str, Any]) -> ValidationResult:
        """Validate raw answers, which are never changed in place: most prompts change nothing."""
        if self._validated is None or self._validated[0] is not data:
            self._validated = (data, validate_answers(data))
        return self._validated[1]

    def run(self) -> None:
        """Ask every question that applies; raises EOFError or KeyboardInterrupt if stopped."""
        self.console.say(_KEYS)
        self._open = find_unanswered(self.data)
        self.suggestions = {
            key: one for key, one in self.suggestions.items() if self._is_unanswered(key)
        }
        if not self.complete and any(map(self._is_open, self._applying())):
            self.console.say(f"\n{_FIRST}")
        asked: list[FieldSpec] = []
        section = ""
        while (item := self._next(asked)) is not None:
            if item.section != section:
                section = item.section
                self.console.say(f"\n{item.model.title}: {item.model.intro}")
            try:
                if not self.complete and not self._is_open(item):
                    self.complete = True
                    self._skips = self._ask_review()
                    section = ""
                elif self._ask(item):
                    asked.append(item)
                elif asked:
                    asked.pop()
                    section = asked[-1].section if asked else ""
            except ToReview:
                self._skips = True

    def _is_unanswered(self, key: str) -> bool:
        """Return whether nothing answers a question; only then a suggestion counts."""
        item = field_spec(key)
        return is_empty(get_value(self.data, item.path, dump_value(item.default)))

    def _ask_review(self) -> bool:
        """Return whether the person wants no other question."""
        what = "Everything else" if any(map(self._is_open, self._applying())) else "Every question"
        return self._read(f"\n{_REVIEW.format(what)}").casefold() in {"", "y", "yes"}

    def _read(self, prompt: str) -> str:
        text = read_line(self.console, prompt)
        if text == TO_REVIEW:
            raise ToReview
        return text

    def _applying(self) -> list[FieldSpec]:
        """Return the questions that apply: until all open ones are answered, those come first."""
        answers = self.validate(self.data).answers
        if answers is None:
            return []
        found = [item for item in field_specs() if item.model.asked and item.applies(answers)]
        return found if self.complete else sorted(found, key=lambda one: not self._is_open(one))

    def _is_open(self, item: FieldSpec) -> bool:
        """Return whether only the person knows the answer."""
        if item.key in self._open or item.key in self.suggestions:
            return True
        answers = self.validate(self.data).answers
        return answers is not None and any(
            one.question == item.key and one.lacks_published_keys for one in list_git_hosts(answers)
        )

    def _next(self, asked: list[FieldSpec]) -> FieldSpec | None:
        """Return the next question; after the last one, the first whose answer breaks a rule."""
        found = self.validate(self.data)
        if found.answers is None:
            # The given answers are invalid: stop, and let the plan report every problem.
            return None
        seen = {item.key for item in asked}
        applying = self._applying()
        for item in applying:
            if item.key not in seen and not self._skips:
                return item
        objections = {
            item.key: describe_problem(problem, item)
            for item in applying
            for problem in reversed(found.problems)
            if _belongs(problem, item)
        }
        for item in applying:
            if item.key in objections:
                self.console.say(f"\n{item.key}: {objections[item.key]}")
                if item in asked:
                    asked.remove(item)
                return item
        return None

    def _ask(self, item: FieldSpec) -> bool:
        """Ask one question until its answer is valid; False if the person goes back."""
        label = f"{item.group}: {item.title}" if item.group else item.title
        if item.key in HOST_KEY_QUESTIONS:
            return self._ask_host_keys(item, label)
        if not self._ask_answer(item, label):
            return False
        return item.key != BUNDLES or self._ask_host_keys(item, label)

    def _ask_host_keys(self, item: FieldSpec, label: str) -> bool:
        """Ask for the keys of each host that this question keeps; False if the person goes back."""
        answers = self.validate(self.data).answers
        hosts = (
            [one for one in list_git_hosts(answers) if one.question == item.key] if answers else []
        )
        return all(HostKeyPrompt(self, one.name, label, item.help).ask() for one in hosts)

    def _ask_answer(self, item: FieldSpec, label: str) -> bool:
        """Ask until the answer is valid; False if the person goes back."""
        self._introduce(item)
        while True:
            current = get_value(self.data, item.path, dump_value(item.default))
            if item.kind == "choice":
                self._choices(item, str(current))
            shown = format_answer(item, current)
            shown = "not shown" if any(find_leaks(shown, prose=True)) else shown
            text = self._read(f"{label} [{shown}]: ")
            if text == "<":
                return False
            if text == "?":
                self.console.say(item.help)
                if item.ask.find:
                    self.console.say(item.ask.find)
                if item.ask.example:
                    self.console.say(f"Takes {item.ask.takes}.\nExample: {item.ask.example}")
                continue
            problem = self._set_answer(item, text) if text else self._objection(item, self.data)
            if not problem:
                return True
            if not text and not self.complete:
                # Another answer may make this question go away: it is asked again at the end.
                self.console.say(f"  (to be answered later: {problem})")
                return True
            self.console.say(f"  ! {problem}")

    def _introduce(self, item: FieldSpec) -> None:
        """Say where to find an open answer, or from where this machine has it."""
        if not self._is_open(item):
            return
        one = self.suggestions.get(item.key)
        empty = is_empty(get_value(self.data, item.path, dump_value(item.default)))
        if one is not None and not one.partial and empty:
            self.data = put_value(self.data, item.path, one.value)
            self.console.say(f"  From {one.source}.")
            return
        self.console.say(f"  {describe_place(item)}")
        if one is not None and one.partial and empty:
            self.console.say(f"  It may begin with {one.value} (from {one.source}).")

    def _choices(self, item: FieldSpec, current: str) -> None:
        for number, choice in enumerate(item.choices, 1):
            mark = "*" if choice == current else " "
            label = item.label(choice)
            shown = choice if label == choice else f"{choice}: {label}"
            self.console.say(f"  {mark} {number}. {shown}")

    def _set_answer(self, item: FieldSpec, text: str) -> str:
        """Store the answer; return why it is not valid, or an empty text."""
        if item.kind == "choice" and text.isdecimal() and 1 <= int(text) <= len(item.choices):
            text = item.choices[int(text) - 1]
        if item.kind == "bool":
            text = {"y": "true", "yes": "true", "n": "false", "no": "false"}.get(
                text.casefold(), text
            )
        try:
            # Type "" for an empty answer: Enter alone keeps the value in brackets.
            value = "" if text == '""' else parse_value(item, text)
        except AnswersError as error:
            return describe_problem(error.problems[0], item) if error.problems else error.message
        if item.kind == "secret" and isinstance(value, dict):
            value = {**deploy_key_fields(get_value(self.data, item.path)), **value}
        data = put_value(self.data, item.path, value)
        problem = self._objection(item, data)
        if not problem:
            self.data = data
        return problem

    def _objection(self, item: FieldSpec, data: dict[str, Any]) -> str:
        """Return why an answer is not accepted; empty if it is.

        A broken rule across sections is only reported, because the other answer may still change.
        A secret is not kept, because the next prompt would show it.
        """
        found = self.validate(data)
        own = [describe_problem(one, item) for one in found.problems if _belongs(one, item)]
        if found.answers is None:
            return own[0] if own else found.problems[0].message
        if not own:
            return ""
        if item.ask.required and get_value(data, item.path, item.default) in ("", None):
            return own[0]
        if holds_secret(found.answers):
            return own[0]
        self.console.say(f"  (to be fixed later: {own[0]})")
        return ""


def _belongs(problem: Problem, item: FieldSpec) -> bool:
    """Return whether the problem is of this question, or of a part of its answer."""
    return problem.key == item.key or problem.key.startswith(f"{item.key}.")


def format_answer(item: FieldSpec, value: object) -> str:
    """Return a value in the form that its question accepts as input."""
    if item.kind == "bool":
        return "y" if value else "n"
    if item.kind == "secret" and isinstance(value, dict):
        kind = next((key for key in KINDS if key in value), "")
        return kind if value.get(kind) is True else f"{kind}:{value.get(kind)}"
    if item.kind == "list":
        return json.dumps(value, ensure_ascii=False)
    if item.kind == "mapping" and isinstance(value, dict):
        return ", ".join(f"{key}={text}" for key, text in value.items())
    return str(value)
