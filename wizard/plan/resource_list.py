"""Edits the list of resources in a kustomization that a person edited, too.

The person's lines, comments and order stay. Text is inserted and removed at the positions of the
parsed items, and the result is parsed and compared before it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.formats.yaml_untrusted import parse_yaml

if TYPE_CHECKING:
    from ruamel.yaml.nodes import ScalarNode, SequenceNode

_KEY = "resources"


class _ListError(Exception):
    """The list cannot be edited item by item."""


def merge_resources(base: bytes, mine: bytes, new: bytes) -> bytes | None:
    """Return the kustomization `mine` with the resources that `new` adds to `base` or removes.

    Returns None if the rendering changed in another part, too, or if the list in `mine` cannot be
    edited item by item.
    """
    before, after, kept = _read(base), _read(new), _read(mine)
    if before is None or after is None or kept is None or _rest(before) != _rest(after):
        return None
    old, wanted, items = before[_KEY], after[_KEY], [*kept[_KEY]]
    text = mine.decode("utf-8")
    try:
        for item in old:
            if item not in wanted and item in items:
                text = _remove(text, item)
                items.remove(item)
        for item in wanted:
            if item not in old and item not in items:
                place, number = _find_place(item, wanted, items)
                text = _insert(text, item, place)
                items.insert(number, item)
    except _ListError:
        return None
    merged = text.encode("utf-8")
    return merged if _read(merged) == {**kept, _KEY: items} else None


def _read(data: bytes) -> dict[str, Any] | None:
    """Return the kustomization; None if it cannot be read, or has no plain list of resources."""
    documents, findings = parse_yaml("", data)
    if len(documents) != 1 or any(finding.is_error for finding in findings):
        return None
    found = documents[0]
    listed = found.get(_KEY) if isinstance(found, Mapping) else None
    plain = isinstance(listed, list) and all(isinstance(item, str) for item in listed)
    return dict(found) if plain else None


def _rest(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != _KEY}


def _find_place(item: str, wanted: Sequence[str], items: Sequence[str]) -> tuple[int, int]:
    """Return the number of the neighbour (from the end: one to insert before), and the new number.

    The rendering's order decides among the rendered items; the person's items stay where they are.
    """
    at = wanted.index(item)
    for other in reversed(wanted[:at]):
        if other in items:
            number = items.index(other)
            return number, number + 1
    for other in wanted[at + 1 :]:
        if other in items:
            number = items.index(other)
            return number - len(items), number
    return len(items) - 1, len(items)


def _remove(text: str, item: str) -> str:
    listed = _parse(text)
    nodes = listed.value
    number = next((n for n, node in enumerate(nodes) if node.value == item), -1)
    start, end = _span(nodes[number])
    if not listed.flow_style:
        first, last = _line(text, nodes[number], listed)
        return text[:first] + text[last:]
    if number + 1 < len(nodes):
        end = _span(nodes[number + 1])[0]
    elif number:
        start = _span(nodes[number - 1])[1]
    if "#" in text[start:end]:
        raise _ListError
    return text[:start] + text[end:]


def _insert(text: str, item: str, place: int) -> str:
    listed = _parse(text)
    if not listed.value:
        raise _ListError
    node = listed.value[place]
    start, end = _span(node)
    if listed.flow_style:
        between = ", "
        if place < 0:
            return f"{text[:start]}{item}{between}{text[start:]}"
        return f"{text[:end]}{between}{item}{text[end:]}"
    first, last = _line(text, node, listed)
    line = f"{text[first:start]}{item}"
    if place < 0:
        return f"{text[:first]}{line}{_line_end(text)}{text[first:]}"
    before = text[:last] if text[:last].endswith("\n") else f"{text[:last]}{_line_end(text)}"
    return f"{before}{line}{_line_end(text)}{text[last:]}"


def _parse(text: str) -> SequenceNode:
    from ruamel.yaml import YAML

    root = YAML(typ="rt", pure=True).compose(text)
    found: SequenceNode = next(value for key, value in root.value if key.value == _KEY)
    return found


def _span(node: ScalarNode) -> tuple[int, int]:
    return node.start_mark.index, node.end_mark.index


def _line(text: str, node: ScalarNode, listed: SequenceNode) -> tuple[int, int]:
    """Return where the line of a list item starts and ends, with its line break.

    Raises _ListError if the line has more than its dash, the item and a comment.
    """
    start, end = _span(node)
    first = text.rfind("\n", 0, start) + 1
    found = text.find("\n", end)
    last = len(text) if found < 0 else found + 1
    after = text[end:last].strip()
    alone = text[first:start].strip() == "-" and "\n" not in text[start:end]
    if not alone or (after and not after.startswith("#")) or listed.anchor or node.anchor:
        raise _ListError
    return first, last


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
