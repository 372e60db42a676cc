"""Changes mappings and lists that are written in braces and brackets, as JSON is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wizard.formats.yaml_writer import dump_yaml, quote_yaml
from wizard.plan.merge.layout import FORM_FIX, Layout
from wizard.plan.merge.sides import Item, MergeError, Path, format_key, is_same, order_keys

_INDICATORS = frozenset(",[]{}#:")
Align = Callable[[Sequence[Any], Sequence[Any], Path], list[tuple[int, int]]]


def write_flow(value: Any, *, json: bool) -> str:
    """Return a value in one line; with `json`, every key and text is in double quotes."""
    if isinstance(value, dict):
        pairs = (
            f"{_write_text(key, json=json)}: {write_flow(below, json=json)}"
            for key, below in value.items()
        )
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(write_flow(item, json=json) for item in value) + "]"
    if isinstance(value, str):
        return _write_text(value, json=json)
    return dump_yaml(value).rstrip("\n")


def _write_text(text: str, *, json: bool) -> str:
    plain = "" if json or "\n" in text else dump_yaml(text).rstrip("\n")
    return plain if plain and not _INDICATORS.intersection(plain) else quote_yaml(text)


class FlowEditor:
    """Collects the splices of mappings and lists in flow style."""

    def __init__(self, layout: Layout, splices: list[tuple[int, int, str]], align: Align) -> None:
        self.layout = layout
        self.splices = splices
        self.align = align
        root = layout.root
        self.json = root is not None and root.id != "scalar" and bool(root.flow_style)

    def edit(self, node: Any, have: Any, want: Any, path: Path) -> None:
        """Change a mapping or list inside; something in it stays."""
        self.layout.require_plain(node, path)
        if node.id == "mapping":
            self._mapping(node, have, want, path)
        else:
            self._list(node, have, want, path)

    def _value(self, node: Any, have: Any, want: Any, path: Path, after: int) -> None:
        if is_same(have, want):
            return
        both = isinstance(have, dict) and isinstance(want, dict) and any(k in have for k in want)
        lists = isinstance(have, list) and isinstance(want, list) and self.align(have, want, path)
        if node.id != "scalar" and (both or lists):
            self.edit(node, have, want, path)
            return
        self.layout.require_plain(node, path, below=True)
        start, end = self.layout.span(node, after)
        if start == end or self.layout.comments_in(start, end):
            raise MergeError(format_key(path), "is not written as `key: value`", FORM_FIX)
        self.splices.append((start, end, write_flow(want, json=self.json)))

    def _mapping(self, node: Any, have: dict[str, Any], want: dict[str, Any], path: Path) -> None:
        spans: dict[str, tuple[int, int]] = {}
        for name, value in node.value:
            key = str(name.value)
            here = (*path, key)
            if key not in have:
                raise MergeError(format_key(here), "is a merge key", FORM_FIX)
            after = self.layout.value_start(name, here, flow=True)
            spans[key] = name.start_mark.index, self.layout.span(value, after)[1]
            if key in want:
                self._value(value, have[key], want[key], here, after)
            else:
                self.layout.require_plain(value, here, below=True)
        if have.keys() - spans.keys():
            raise MergeError(format_key(path), "has a merge key (<<)", FORM_FIX)
        kept = [key for key in spans if key in want]
        order = order_keys(kept, [*want], want)
        texts = [
            f"{_write_text(key, json=self.json)}: {write_flow(want[key], json=self.json)}"
            for key in order
        ]
        where = [[*spans].index(key) if key in spans else -1 for key in order]
        self._change([*spans.values()], where, texts, path)

    def _list(self, node: Any, have: list[Any], want: list[Any], path: Path) -> None:
        spans: list[tuple[int, int]] = []
        for item in node.value:
            after = spans[-1][1] if spans else node.start_mark.index + 1
            if item.start_mark.index < after:
                raise MergeError(format_key(path), "is shared through an alias", FORM_FIX)
            spans.append((item.start_mark.index, item.end_mark.index))
        numbers = {other: number for number, other in self.align(have, want, path)}
        for other, number in numbers.items():
            here = (*path, Item(other))
            start = spans[number][0]
            self._value(node.value[number], have[number], want[other], here, start)
        for number, item in enumerate(node.value):
            if number not in numbers.values():
                self.layout.require_plain(item, path, below=True)
        where = [numbers.get(other, -1) for other in range(len(want))]
        self._change(spans, where, [write_flow(item, json=self.json) for item in want], path)

    def _change(
        self, spans: list[tuple[int, int]], where: list[int], texts: list[str], path: Path
    ) -> None:
        """Remove the spans that are not in `where`, and insert the texts whose place is -1."""
        kept = sorted(number for number in where if number >= 0)
        removed = [number for number in range(len(spans)) if number not in kept]
        for number in removed:
            start = spans[number][0]
            if number < kept[-1]:
                end = spans[number + 1][0]
            else:
                start, end = spans[number - 1][1], spans[number][1]
            if self.layout.comments_in(start, end):
                fix = "remove the comment, commit that, and plan again"
                raise MergeError(format_key(path), "has a comment between its items", fix)
            self.splices.append((start, end, ""))
        before = -1
        for at, number in enumerate(where):
            if number >= 0:
                before = number
                continue
            if before >= 0:
                place = spans[before][1]
                self.splices.append((place, place, f", {texts[at]}"))
            else:
                following = next(one for one in where[at:] if one >= 0)
                place = spans[following][0]
                self.splices.append((place, place, f"{texts[at]}, "))
