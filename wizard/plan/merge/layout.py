"""Where the parts of a YAML text are: the spans of its nodes, its lines, and its comments.

Positions are indexes into the text. ruamel composes the nodes; what its marks do not say (the end
of a block without the blank lines and comments after it, an alias) is read from the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from wizard.formats.yaml_untrusted import compose_yaml
from wizard.plan.merge.sides import Item, MergeError, Path, format_key

_ALIAS = re.compile(r"\s*(\*[^\s,\[\]{}]+)").match
_COLON = re.compile(r"[ \t]*:(?=\s|\Z)").match
_FLOW_COLON = re.compile(r"\s*:").match
_DASH = re.compile(r"^( *)-(?=\s|\Z)", re.MULTILINE)
_COMMENT = re.compile(r"(?:(?<=[\s\ufeff])|\A)#[^\r\n]*")
FORM_FIX = "write it in the form `key: value`, commit that, and plan again"
SHARED_FIX = "replace the alias by the value itself, commit that, and plan again"


def lay_out(text: str) -> Layout:
    """Return the layout of a text that is known to be one document."""
    return Layout(text, compose_yaml(text.encode("utf-8"))[1][0])


class Layout:
    """One YAML document and its text, without a byte order mark."""

    def __init__(self, text: str, root: Any) -> None:
        self.text = text
        self.root = root

    @cached_property
    def shared(self) -> set[int]:
        """The ids of the nodes that have an anchor, or are reached twice."""
        seen: set[int] = set()
        found: set[int] = set()
        todo = [self.root]
        while todo:
            node = todo.pop()
            if id(node) in seen:
                found.add(id(node))
                continue
            seen.add(id(node))
            if node.anchor:
                found.add(id(node))
            todo += children(node)
        return found

    def require_plain(self, node: Any, path: Path, *, below: bool = False) -> None:
        """Raise MergeError if an alias shares the node (or with `below`, one in it)."""
        todo = [node]
        while todo:
            one = todo.pop()
            if id(one) in self.shared:
                raise MergeError(
                    format_key(path), "is shared through an anchor or an alias", SHARED_FIX
                )
            if str(one.tag).startswith("!"):
                raise MergeError(format_key(path), "has a tag", "remove the tag, and plan again")
            if below:
                todo += children(one)

    def value_start(self, key: Any, path: Path, *, flow: bool = False) -> int:
        """Return the position after the colon of a key; MergeError for other forms of a key."""
        found = (_FLOW_COLON if flow else _COLON)(self.text, key.end_mark.index)
        if found is None or key.id != "scalar":
            raise MergeError(format_key(path), "is not written as `key: value`", FORM_FIX)
        return found.end()

    def span(self, node: Any, after: int) -> tuple[int, int]:
        """Return where a value that begins behind `after` starts and ends, without what follows.

        An empty value starts and ends at `after`.
        """
        start = node.start_mark.index
        alias = _ALIAS(self.text, after)
        if alias is not None:
            return alias.span(1)
        if node.id == "scalar":
            if node.end_mark.index == start:
                return after, after
            if node.style in ("|", ">"):
                return start, self.block_end(node)
            return start, node.end_mark.index
        if node.flow_style:
            return start, node.end_mark.index
        return start, self.collection_end(node)

    def block_end(self, node: Any) -> int:
        """Return the end of a literal or folded text; blank lines count only if it keeps them."""
        start: int = node.start_mark.index
        end: int = node.end_mark.index
        raw = self.text[start:end]
        header = raw.split("\n", 1)[0]
        if "+" in header.partition("#")[0]:
            return end - 1 if raw.endswith("\n") else end
        return start + len(raw.rstrip())

    def collection_end(self, node: Any) -> int:
        """Return the end of the last entry of a mapping or list in block style."""
        if node.id == "mapping":
            key, value = node.value[-1]
            colon = _COLON(self.text, key.end_mark.index)
            start = colon.end() if colon else key.end_mark.index
            return self.span(value, start)[1]
        return self.item_spans(node, ())[-1][2]

    def item_spans(self, node: Any, path: Path) -> list[tuple[int, int, int]]:
        """Return the place of the dash, the start and the end of every item in block style."""
        column, at = node.start_mark.column, node.start_mark.index
        found: list[tuple[int, int, int]] = []
        for number, item in enumerate(node.value):
            if number:
                dashes = _DASH.finditer(self.text, self.line_end(found[-1][2]))
                match = next((one for one in dashes if len(one[1]) == column), None)
                if match is None:
                    raise MergeError(format_key(path), "is not written as a plain list", FORM_FIX)
                at = match.end() - 1
            start, end = self.span(item, at + 1)
            found.append((at, start, end))
        return found

    def line_start(self, at: int) -> int:
        """Return where the line of a position starts."""
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Return where the line after a position starts."""
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found + 1

    def starts_line(self, at: int) -> bool:
        """Return whether only spaces are before a position on its line."""
        return not self.text[self.line_start(at) : at].strip(" ")

    def comments_above(self, at: int) -> int:
        """Return where the comment lines directly above the line of a position start."""
        start = self.line_start(at)
        while start:
            above = self.line_start(start - 1)
            if not self.text[above:start].lstrip().startswith("#"):
                break
            start = above
        return start

    @cached_property
    def comments(self) -> list[tuple[int, str]]:
        """The comments of the text, with their positions."""
        spans = sorted(self.scalar_spans())
        found: list[tuple[int, str]] = []
        at = 0
        for start, end in [*spans, (len(self.text), len(self.text))]:
            if start > at:
                found += [
                    (match.start(), match[0].rstrip())
                    for match in _COMMENT.finditer(self.text, at, start)
                ]
            at = max(at, end)
        return found

    def scalar_spans(self) -> Iterator[tuple[int, int]]:
        """Yield the spans of all scalars, in which a number sign begins no comment."""
        seen: set[int] = set()
        todo = [self.root] if self.root is not None else []
        while todo:
            node = todo.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if node.id == "scalar":
                yield self.span(node, node.start_mark.index)
            todo += children(node)

    def comments_in(self, start: int, end: int) -> list[str]:
        """Return the comments between two positions."""
        return [text for at, text in self.comments if start <= at < end]

    def find_entry(self, path: Path) -> tuple[Any, Any] | None:
        """Return the key and value nodes at a path of mappings; None if there is none."""
        node, key = self.root, None
        for part in path:
            if node is None or node.id != "mapping" or isinstance(part, Item):
                return None
            pair = next((pair for pair in node.value if str(pair[0].value) == part), None)
            if pair is None:
                return None
            key, node = pair
        return None if key is None else (key, node)


def children(node: Any) -> list[Any]:
    """Return the nodes directly below a node."""
    if node.id == "mapping":
        return [part for pair in node.value for part in pair]
    return [*node.value] if node.id == "sequence" else []
