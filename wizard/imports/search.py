"""Finds the answers that give some Helm values: it changes single answers while that helps.

Every change is verified by rendering, so an answer counts only if the values come out as they were.
What no answer gives is left over, for `values:`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from wizard.answers.files import dump_value, validate_answers, with_value
from wizard.answers.questions import FieldSpec, field_specs
from wizard.errors import Problem
from wizard.formats.nested import get_value, put_value
from wizard.imports.leaves import Leaves, Path, is_equal
from wizard.imports.trials import Trace, Trials, list_markers, read_answers

if TYPE_CHECKING:
    from wizard.answers.model import Answers

_ROUNDS = 8
# How far a leaf is from the wanted one. A text that differs can become right by an answer of its
# own, so it is nearer than none. What a switch turns on or off is more than one leaf, and a switch
# that somebody set counts more than one of the chart's defaults.
_MISSING, _DIFFERENT, _ADDED, _SWITCH, _DEFAULT_SWITCH = 1.0, 0.9, 0.5, 20.0, 12.0
_SWITCHES = frozenset(("enabled",))
# The executor decides about most of the others.
_EXECUTOR, _ALL = ("executor",), 100.0
_TRUTH = ("true", "false")
# An answer that gives more leaves than these must be seen at half of them: a name that is shared by
# all Secrets is not shown by one of them.
_FEW = 3
# So many choices that are only valid with another one are tried with that.
_MAX_REJECTED = 5
# Questions that Helm values say nothing about, or that may not be answered by a file.
_NEVER = ("cluster", "repository")
_NOT_ASKED = frozenset(
    (
        "installation.name",
        "installation.namespace",
        "installation.release",
        "installation.chart",
        "installation.airflow",
        "secrets.store",
    )
)


_State: TypeAlias = "tuple[dict[str, Any], Answers, tuple[Problem, ...], Leaves, float]"


class Search:
    """Searches from some raw answers for those that give the wanted leaves.

    `fixed` are the keys of questions that must keep their answers. `ignored` are leaves that do not
    count, whatever their value is. `explicit` are those that are not defaults of the chart.
    """

    def __init__(
        self,
        start: Mapping[str, Any],
        wanted: Leaves,
        *,
        trials: Trials,
        fixed: frozenset[str] = frozenset(),
        ignored: frozenset[Path] = frozenset(),
        explicit: Collection[Path] = (),
    ) -> None:
        self.explicit = explicit
        self.trials = trials
        self.wanted = {path: value for path, value in wanted.items() if path not in ignored}
        self.fixed = fixed | _NOT_ASKED
        self.ignored = ignored
        self.data: dict[str, Any] = dict(start)
        self.answers, self.problems = _validate(self.data)
        self.leaves: Leaves = {}
        self.cost = float("inf")
        leaves = trials.render(self.answers)
        if leaves is not None:
            self.leaves, self.cost = leaves, self.measure(leaves)
        self._traces: dict[tuple[object, ...], list[Trace]] = {}
        self._rejected: dict[str, tuple[FieldSpec, Any]] = {}

    def run(self) -> None:
        """Change answers until no single change helps any more."""
        for _ in range(_ROUNDS):
            before = self.cost
            self._choose()
            self._fill()
            if self.cost >= before:
                self._look_ahead()
            if self.cost >= before:
                return

    def list_differences(self) -> list[Path]:
        """Return the leaves that these answers do not give as they are wanted."""
        return [path for path in {**self.wanted, **self.leaves} if self._differs(path)]

    def measure(self, leaves: Leaves) -> float:
        """Return how far some leaves are from the wanted ones."""
        wanted, cost = self.wanted, 0.0
        for path, value in wanted.items():
            if path in leaves and is_equal(leaves[path], value):
                continue
            if path == _EXECUTOR:
                cost += _ALL
            elif path[-1] in _SWITCHES:
                cost += _SWITCH if path in self.explicit else _DEFAULT_SWITCH
            elif path not in leaves or value in _TRUTH or isinstance(value, bool):
                cost += _MISSING
            else:
                cost += _DIFFERENT
        added = [path for path in leaves if path not in wanted and path not in self.ignored]
        return cost + sum(_DEFAULT_SWITCH if path[-1] in _SWITCHES else _ADDED for path in added)

    def _differs(self, path: Path) -> bool:
        if path in self.ignored:
            return False
        if path not in self.wanted or path not in self.leaves:
            return True
        return not is_equal(self.wanted[path], self.leaves[path])

    def _questions(self, *kinds: str, section: str = "") -> Iterator[FieldSpec]:
        for item in field_specs(type(self.answers)):
            if item.kind not in kinds or item.key in self.fixed or item.section in _NEVER:
                continue
            if section and item.section != section:
                continue
            if item.applies(self.answers):
                yield item

    def _choose(self) -> None:
        """Try every other choice of the questions with few answers."""
        for item in self._questions("choice", "bool"):
            for choice in _list_choices(item):
                self._try(item, choice)

    def _fill(self, section: str = "") -> None:
        """Read the answers of the other questions off the wanted leaves."""
        for item in self._questions("text", "int", "mapping", "list", section=section):
            for answer in self._read(item):
                self._try(item, answer)
            if item.kind == "text" and not item.ask.required:
                self._try(item, "")
            if item.kind == "mapping":
                self._try_items(item)

    def _read(self, item: FieldSpec) -> list[Any]:
        """Return the answers that wanted leaves show, and most of what the question gives."""
        found: list[Any] = []
        support: list[int] = []
        traces = self._trace(item)
        for trace in traces:
            for answer in read_answers(trace, item, self.wanted):
                if answer not in found:
                    found.append(answer)
                    support.append(0)
                support[found.index(answer)] += 1
        few = len(traces) <= _FEW
        return [
            one
            for one, count in zip(found, support, strict=True)
            if (few or 2 * count >= len(traces)) and (one or not item.ask.required)
        ]

    def _trace(self, item: FieldSpec) -> list[Trace]:
        # What a question gives depends on the choices, and hardly ever on other answers.
        state = (item.key, *(get_value(self.answers, one.path) for one in _list_gates()))
        if state not in self._traces:
            self._traces[state] = self.trials.trace(self.answers, self.leaves, item)
        return self._traces[state]

    def _try_items(self, item: FieldSpec) -> None:
        """Try single items of a mapping: other answers give some of them already."""
        for answer in self._read(item):
            for name, value in answer.items():
                now = get_value(self.answers, item.path)
                if name not in now:
                    self._try(item, {**now, name: value})

    def _look_ahead(self) -> None:
        """Try choices that help only together with the answers that belong to them."""
        for item in [*self._questions("choice", "bool")]:
            for choice in _list_choices(item):
                missing = {path for path in self.wanted if path not in self.leaves}
                if not missing or choice == get_value(self.answers, item.path):
                    continue
                tried, marked = self._mark_missing(item, choice)
                leaves = self.trials.render(tried)
                if leaves is None or missing.intersection(leaves):
                    self._try_with_section(item, choice, marked)
        for item, choice in [*self._rejected.values()][:_MAX_REJECTED]:
            self._try_with_another(item, choice)
        self._rejected.clear()

    def _try_with_another(self, item: FieldSpec, choice: Any) -> None:
        """Try a choice that the rules allow only with another answer to another question."""
        saved = self._save()
        for other in [*self._questions("choice")]:
            for more in other.choices:
                if other.key == item.key or more == get_value(self.answers, other.path):
                    continue
                data = put_value(put_value(self.data, item.path, choice), other.path, more)
                found = validate_answers(data)
                if found.answers is None or not _adds_only_missing(self.problems, found.problems):
                    continue
                taken = self._accept(other, more, trial=True)
                taken = taken and self._accept(item, choice, trial=True)
                if taken and self.cost < saved[4] and _adds_only_missing(saved[2], self.problems):
                    return
                self._restore(saved)

    def _save(self) -> _State:
        return (self.data, self.answers, self.problems, self.leaves, self.cost)

    def _restore(self, saved: _State) -> None:
        self.data, self.answers, self.problems, self.leaves, self.cost = saved

    def _try_with_section(
        self, item: FieldSpec, choice: Any, marked: Sequence[tuple[FieldSpec, Any]]
    ) -> None:
        saved = self._save()
        for other, marker in marked:
            self.data = put_value(self.data, other.path, dump_value(marker))
        missing = {path for path in self.wanted if path not in self.leaves}
        if self._accept(item, choice, trial=True) and missing.intersection(self.leaves):
            self._fill(item.section)
            for other, marker in marked:
                if get_value(self.answers, other.path) == marker:
                    self._accept(other, other.default, trial=True)
            if self.cost < saved[4]:
                if _adds_only_missing(saved[2], self.problems):
                    return
                if self._mend(item.section, self.data, saved[2], saved[4]):
                    return
        self._restore(saved)

    def _mark_missing(
        self, item: FieldSpec, choice: Any
    ) -> tuple[Answers, list[tuple[FieldSpec, Any]]]:
        """Return the answers with a choice, and with markers for what must be answered then.

        Without an answer, a page gives nothing.
        """
        tried = with_value(self.answers, item.path, choice)
        marked = []
        for other in field_specs(type(tried)):
            if other.section != item.section or not other.ask.required:
                continue
            empty = not get_value(tried, other.path)
            if empty and other.applies(tried) and (markers := list_markers(other.key)):
                tried = with_value(tried, other.path, markers[0])
                marked.append((other, markers[0]))
        return tried, marked

    def _try(self, item: FieldSpec, answer: Any) -> bool:
        """Take an answer if it brings the values nearer, and is valid."""
        if answer == get_value(self.answers, item.path):
            return False
        gain = 0.0
        if item.kind != "list":
            leaves = self.trials.render(with_value(self.answers, item.path, answer))
            gain = 0.0 if leaves is None else self.cost - self.measure(leaves)
            if gain <= 0:
                return False
        return self._accept(item, answer, gain=gain)

    def _mend(
        self, section: str, data: Mapping[str, Any], known: Sequence[Problem], limit: float
    ) -> bool:
        """Take answers with the choice of a page that makes them valid, such as gs:// with `gcs`.

        `known` are the problems that may stay, and the cost must get below `limit`.
        """
        for other in [*self._questions("choice", section=section)]:
            for choice in other.choices:
                found = validate_answers(tried := put_value(data, other.path, choice))
                if found.answers is None or not _adds_only_missing(known, found.problems):
                    continue
                leaves = self.trials.render(found.answers)
                if leaves is not None and (cost := self.measure(leaves)) < limit:
                    self.data, self.answers, self.problems = tried, found.answers, found.problems
                    self.leaves, self.cost = leaves, cost
                    return True
        return False

    def _accept(
        self, item: FieldSpec, answer: Any, *, gain: float = 0.0, trial: bool = False
    ) -> bool:
        """Take an answer if it is valid and brings the values nearer; in a `trial`, always."""
        data = put_value(self.data, item.path, dump_value(answer))
        found = validate_answers(data)
        if found.answers is None:
            return False
        if not trial and not _adds_only_missing(self.problems, found.problems, item.key):
            if gain >= _SWITCH and item.kind in ("choice", "bool"):
                self._rejected[f"{item.key}={answer}"] = (item, answer)
            return gain > 0 and self._mend(item.section, data, self.problems, self.cost)
        leaves = self.trials.render(found.answers)
        if leaves is None:
            return False
        cost = self.measure(leaves)
        if cost >= self.cost and not trial:
            return False
        self.data, self.answers, self.problems = data, found.answers, found.problems
        self.leaves, self.cost = leaves, cost
        return True


@cache
def _list_gates() -> tuple[FieldSpec, ...]:
    """Return the questions with few answers, on which others depend."""
    return tuple(item for item in field_specs() if item.kind in ("choice", "bool"))


def _list_choices(item: FieldSpec) -> Sequence[Any]:
    return (True, False) if item.kind == "bool" else item.choices


def _validate(data: Mapping[str, Any]) -> tuple[Answers, tuple[Problem, ...]]:
    found = validate_answers(data)
    if found.answers is None:
        raise ValueError("a search starts from answers of the right types")
    return found.answers, found.problems


def _adds_only_missing(
    before: Sequence[Problem], after: Sequence[Problem], changed: str = ""
) -> bool:
    """Return whether the new problems are only answers that somebody must still give.

    The `changed` answer itself must have no new problem.
    """
    known = set(before)
    return all(
        one in known or (one.message.startswith("is required") and one.key != changed)
        for one in after
    )
