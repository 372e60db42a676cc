"""Validation messages: they describe valid values and never repeat the given value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache

from wizard.formats.nested import format_path

_WORD = re.compile(r"[A-Za-z]+|[0-9]+")
# The words that a name in camelCase consists of.
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_MAX_NAME = 200
# How alike a misspelt word and a known one are; lower, and a password such as `horse` is `host`.
_ALIKE = 0.75
_JOINTS = frozenset({"", ".", "_", "-", "--"})
UNKNOWN_KEY = "(an unknown key)"

_MESSAGES: Mapping[str, str] = {
    "missing": "is required",
    "int_type": "give a whole number",
    "int_parsing": "give a whole number",
    "int_parsing_size": "give a smaller whole number",
    "int_from_float": "give a whole number",
    "bool_type": "give true or false",
    "bool_parsing": "give true or false",
    "string_type": "give text; quote it if YAML reads it as a different type",
    "string_unicode": "give valid Unicode text",
    "dict_type": "give a mapping of keys to values",
    "mapping_type": "give a mapping of keys to values",
    "model_type": "give a mapping of keys to values",
    "model_attributes_type": "give a mapping of keys to values",
    "list_type": "give a list",
    "recursion_loop": "give plain values, not a value that contains itself",
}
_BOUNDS: Mapping[str, str] = {
    "greater_than_equal": "Input should be greater than or equal to ",
    "less_than_equal": "Input should be less than or equal to ",
}


def describe_validation_error(kind: str, text: str) -> str:
    """Return a sentence for the user that replaces pydantic's error of this type and text.

    Source of the types and texts: https://docs.pydantic.dev/latest/errors/validation_errors/
    """
    if kind in _MESSAGES:
        return _MESSAGES[kind]
    if kind == "literal_error":
        return "give " + text.removeprefix("Input should be ")
    if kind in _BOUNDS:
        bound = text.removeprefix(_BOUNDS[kind])
        return f"give at {'least' if kind == 'greater_than_equal' else 'most'} {bound}"
    return text.removeprefix("Value error, ").removeprefix("Assertion failed, ")


def show_name(name: str, known: Iterable[str]) -> str:
    """Return a name that a user wrote if it is safe to repeat; empty if it may be a secret.

    A value in the place of a name is usually a secret. So a name is repeated only if it consists
    of words that occur in the `known` names, or is a misspelt one of them.
    """
    found = _WORD.findall(name[:_MAX_NAME])
    is_plain = len(name) <= _MAX_NAME and all(
        part in _JOINTS for part in _WORD.split(name[:_MAX_NAME])
    )
    words = _find_words(frozenset(known)) if is_plain else frozenset()
    return name if is_plain and all(_is_word(word, words) for word in found) else ""


def show_path(path: Sequence[str | int], known: Iterable[str]) -> str:
    """Return a path as text, with each key that may be a secret withheld; see `show_name`."""
    names = frozenset(known)
    return format_path(
        [part if isinstance(part, int) else show_name(part, names) or UNKNOWN_KEY for part in path]
    )


@lru_cache(maxsize=8)
def _find_words(known: frozenset[str]) -> frozenset[str]:
    """Return the words of these names, and the words of those in camelCase."""
    words = {word for name in known for word in _WORD.findall(name)}
    return frozenset({*words, *(hump.lower() for word in words for hump in _HUMP.findall(word))})


def _is_word(word: str, words: frozenset[str]) -> bool:
    if word in words or _is_near(word, words):
        return True
    humps = _HUMP.findall(word)
    return len(humps) > 1 and all(
        len(hump) > 1 and (hump.lower() in words or _is_near(hump.lower(), words)) for hump in humps
    )


def _is_near(word: str, words: frozenset[str]) -> bool:
    # Keys are lower-case words; a generated secret is hardly ever like one.
    return (
        len(word) > 2
        and word.isalpha()
        and word.islower()
        and bool(get_close_matches(word, words, n=1, cutoff=_ALIKE))
    )


def describe_unknown_key(name: str, known: Sequence[str]) -> str:
    """Return a message for an unknown key, with the nearest known key or all of them."""
    return f"there is no such key; {suggest_nearest(name, known) or _list_known_keys(known)}"


def describe_unknown_question(key: str, known: Sequence[str]) -> str:
    """Return a message for an unknown question; suggests questions below it or a similar key."""
    below = [one for one in known if one.startswith(f"{key}.")]
    if below:
        return f"names {len(below)} questions; give one of them, such as {below[0]}"
    parents = {one.rpartition(".")[0] for one in known}
    parent = next((one for one in known if key.startswith(f"{one}.")), "")
    near = (
        f"did you mean {parent}?"
        if parent
        else suggest_nearest(key, [*known, *sorted(parents - {""})])
    )
    return f"there is no such question; {near or '`airflow-wizard explain` lists all keys'}"


def suggest_nearest(name: str, known: Sequence[str]) -> str:
    """Return `did you mean X?`, or an empty text if nothing is similar."""
    # difflib takes quadratic time, and no key is that long.
    near = get_close_matches(name, known, n=1) if len(name) <= _MAX_NAME else []
    return f"did you mean {near[0]}?" if near else ""


def _list_known_keys(known: Sequence[str]) -> str:
    return f"known here: {', '.join(known)}" if known else "this key has no keys below it"
