"""Search the questions: by title, key, help, choices, current answer, and words people use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from wizard.answers.questions import FieldSpec

_WORD = re.compile(r"[^\W_]+")
# What a match is worth: for a whole word, for the beginning of a word, for letters inside one.
_WORTH = {
    "title": (100, 60, 10),
    "synonyms": (95, 50, 0),
    "key": (90, 55, 10),
    "headings": (80, 45, 0),
    "answer": (70, 40, 10),
    "choices": (65, 35, 0),
    "help": (30, 15, 0),
}


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The matching questions, best first; without any, the words that are `near`."""

    keys: tuple[str, ...]
    near: tuple[str, ...] = ()


def search_questions(
    items: Sequence[FieldSpec], text: str, answers: Mapping[str, str]
) -> SearchResult:
    """Return the keys of the questions that match every word of `text`.

    `answers` maps keys to the current answers as text. Whole words count more than beginnings,
    and a title more than the help. Without a match, `near` has similar words of the questions.
    """
    wanted = _split(text)
    if not wanted:
        return SearchResult(tuple(item.key for item in items))
    scores = [(_score(item, wanted, answers.get(item.key, "")), item.key) for item in items]
    found = sorted((one for one in scores if one[0] > 0), key=lambda one: -one[0])
    if found:
        return SearchResult(tuple(key for _, key in found))
    vocabulary = sorted({word for item in items for word in _vocabulary(item)})
    near = [word for one in wanted for word in get_close_matches(one, vocabulary, n=3, cutoff=0.7)]
    return SearchResult((), tuple(dict.fromkeys(near)))


def _score(item: FieldSpec, wanted: Sequence[str], answer: str) -> int:
    """Return the sum over all words; 0 if one of them does not match."""
    fields = {**_index(item), "answer": _split(answer)}
    total = 0
    for word in wanted:
        best = max(_rate(word, fields[name], worth) for name, worth in _WORTH.items())
        if not best:
            return 0
        total += best
    return total


def _rate(word: str, words: Sequence[str], worth: tuple[int, int, int]) -> int:
    whole, beginning, inside = worth
    if word in words:
        return whole
    if any(one.startswith(word) for one in words):
        return beginning
    return inside if any(word in one for one in words) else 0


def _index(item: FieldSpec) -> Mapping[str, Sequence[str]]:
    labels = (f"{choice} {item.label(choice)}" for choice in item.choices)
    return {
        "title": _split(item.title),
        "synonyms": _split(" ".join(item.ask.synonyms)),
        "key": _split(item.key),
        "headings": _split(f"{item.model.title} {item.group}"),
        "choices": _split(" ".join(labels)),
        "help": _split(item.help),
    }


def _vocabulary(item: FieldSpec) -> set[str]:
    """Return the words that a person may have meant; those of the help would be noise."""
    index = _index(item)
    return {word for name in ("title", "synonyms", "key", "headings") for word in index[name]}


def _split(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))
