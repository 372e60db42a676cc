"""Validation messages: they describe valid values and never repeat the given value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

_WORD = re.compile(r"[A-Za-z]+|[0-9]+")
_MAX_NAME = 200
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
    words = {word for one in known for word in _WORD.findall(one)}
    parts = _WORD.split(name[:_MAX_NAME])
    found = _WORD.findall(name[:_MAX_NAME])
    is_plain = len(name) <= _MAX_NAME and all(part in _JOINTS for part in parts)
    return (
        name if is_plain and all(word in words or _is_near(word, words) for word in found) else ""
    )


def _is_near(word: str, words: set[str]) -> bool:
    # Keys are lower-case words; a generated secret is hardly ever like one.
    return (
        word.isalpha() and word.islower() and bool(get_close_matches(word, words, n=1, cutoff=0.65))
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
