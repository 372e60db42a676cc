"""Validation messages: they describe valid values and never repeat the given value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

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
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else ""


def _list_known_keys(known: Sequence[str]) -> str:
    return f"known here: {', '.join(known)}" if known else "this key has no keys below it"
