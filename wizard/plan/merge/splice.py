"""Changes single places in a YAML text, so that it has given values; everything else stays.

Comments of a person stay even where their entry is removed, as lines of their own. A change that
cannot be made in place (an anchor, a tag, a merge key, an unusual form) is a MergeError.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from wizard.plan.merge.flow import FlowEditor
from wizard.plan.merge.layout import FORM_FIX, Layout
from wizard.plan.merge.sides import (
    Identify,
    Item,
    MergeError,
    Path,
    format_key,
    index_items,
    is_same,
    order_keys,
    write_canonical,
)
from wizard.plan.merge.source import Source

_Splice = tuple[int, int, str]


def rewrite(layout: Layout, have: Any, want: Any, source: Source, identify: Identify) -> str:
    """Return the text of `layout` with the values `want` instead of `have`, which it has.

    `source` is the rendering, from which new entries are copied with their comments. Raises
    MergeError for a change that cannot be made in place.
    """
    editor = _Editor(layout, source, identify)
    editor.edit_root(have, want)
    return apply_splices(layout.text, editor.splices)


def apply_splices(text: str, splices: Sequence[_Splice]) -> str:
    """Return the text with the replaced spans; an insertion comes before a removal behind it."""
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(splices, key=lambda one: one[:2]):
        if start < at:
            raise MergeError("", "cannot be merged key by key", FORM_FIX)
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])


class _Editor:
    """Collects the splices of one text; parents insert behind what their children insert."""

    def __init__(self, layout: Layout, source: Source, identify: Identify) -> None:
        self.layout = layout
        self.source = source
        self.identify = identify
        self.splices: list[_Splice] = []
        self.eol = "\r\n" if "\r\n" in layout.text else "\n"
        self.flow = FlowEditor(layout, self.splices, self.align)

    def edit_root(self, have: Any, want: Any) -> None:
        """Edit the document's value."""
        root = self.layout.root
        if is_same(have, want):
            return
        if not self.can_descend(root, have, want, ()):
            raise MergeError("", "has nothing left of the rendered file", "restore the file")
        self.descend(root, have, want, ())

    def can_descend(self, node: Any, have: Any, want: Any, path: Path) -> bool:
        """Return whether a collection can be changed inside, because something in it stays."""
        if node.id == "mapping" and isinstance(have, dict) and isinstance(want, dict):
            return any(key in have for key in want)
        if node.id == "sequence" and isinstance(have, list) and isinstance(want, list):
            return bool(self.align(have, want, path))
        return False

    def descend(self, node: Any, have: Any, want: Any, path: Path) -> None:
        """Change a collection inside."""
        self.layout.require_plain(node, path)
        if node.flow_style:
            self.flow.edit(node, have, want, path)
        elif node.id == "mapping":
            self.edit_mapping(node, have, want, path)
        else:
            self.edit_list(node, have, want, path)

    def align(self, have: Sequence[Any], want: Sequence[Any], path: Path) -> list[tuple[int, int]]:
        """Return the pairs of items that stay, by their numbers, ascending in both lists."""
        field = self.identify(path)
        if field is not None:
            mine, wanted = index_items(have, field), index_items(want, field)
            if mine is not None and wanted is not None:
                order = [*wanted]
                pairs = [(at, order.index(key)) for at, key in enumerate(mine) if key in wanted]
                return [one for n, one in enumerate(pairs) if not n or pairs[n - 1][1] < one[1]]
        matcher = SequenceMatcher(
            None, [*map(write_canonical, have)], [*map(write_canonical, want)], autojunk=False
        )
        pairs = []
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag == "equal" or (tag == "replace" and i2 - i1 == j2 - j1):
                pairs += zip(range(i1, i2), range(j1, j2), strict=True)
        return pairs

    def edit_mapping(
        self, node: Any, have: dict[str, Any], want: dict[str, Any], path: Path
    ) -> None:
        """Change, remove and insert entries of a mapping in block style."""
        entries = {str(key.value): (key, value) for key, value in node.value}
        hidden = [
            key for key in have if key not in entries and not is_same(have[key], want.get(key))
        ]
        if hidden:
            fix = "write the key itself here, commit that, and plan again"
            raise MergeError(format_key((*path, hidden[0])), "comes from a merge key (<<)", fix)
        kept = [key for key in entries if key in want or key == "<<"]
        for key, (name, value) in entries.items():
            here = (*path, key)
            if key in want and key in have and not is_same(have[key], want[key]):
                after = self.layout.value_start(name, here)
                self.edit_value(value, have[key], want[key], here, name.start_mark.column, after)
        self.remove_entries(entries, kept, path)
        self.insert_entries(entries, kept, want, path)

    def edit_value(
        self, node: Any, have: Any, want: Any, path: Path, column: int, after: int
    ) -> None:
        """Change the value of an entry: inside, in its place, or as a whole."""
        layout = self.layout
        start, end = layout.span(node, after)
        if self.can_descend(node, have, want, path):
            self.descend(node, have, want, path)
            return
        layout.require_plain(node, path, below=True)
        first, *lines = self.source.write_value(path, want, column)
        if node.id == "scalar" and node.style in ("|", ">"):
            header = layout.text[start : layout.line_end(start)]
            if "#" in header:
                raise MergeError(format_key(path), "has a comment behind its `|`", FORM_FIX)
        comments = layout.comments_in(after, end)
        if start == end or "\n" in layout.text[after:end]:
            self.splices.append((after, end, f" {first}" if first else ""))
        elif first:
            self.splices.append((start, end, first))
        else:
            self.splices.append((after, end, ""))
        lines += [" " * column + one for one in comments if one not in self.source.comments]
        if lines:
            self.insert_lines(layout.line_end(end), lines)

    def insert_lines(self, at: int, lines: Sequence[str]) -> None:
        """Insert lines before the line that starts at a position, or at the end of the text."""
        text = self.eol.join(lines)
        complete = not at or self.layout.text[at - 1] == "\n"
        self.splices.append((at, at, f"{text}{self.eol}" if complete else f"{self.eol}{text}"))

    def remove_entries(
        self, entries: dict[str, tuple[Any, Any]], kept: Sequence[str], path: Path
    ) -> None:
        """Remove the entries that are not kept, each with its lines."""
        layout, keys = self.layout, [*entries]
        first = keys.index(kept[0])
        head = keys[:first] if not layout.starts_line(entries[keys[0]][0].start_mark.index) else []
        if head:
            # The first entry is on the line of a dash: the next one that stays moves there.
            for key in head:
                layout.require_plain(entries[key][1], (*path, key), below=True)
            start, end = (entries[key][0].start_mark.index for key in (keys[0], kept[0]))
            if set(layout.comments_in(start, end)) - self.source.comments:
                fix = "remove the comment, commit that, and plan again"
                raise MergeError(format_key((*path, keys[0])), "has a comment", fix)
            self.splices.append((start, end, ""))
        for key in keys:
            if key in kept or key in head:
                continue
            here = (*path, key)
            name, value = entries[key]
            layout.require_plain(value, here, below=True)
            self.require_own_line(name.start_mark.index, here)
            end = layout.span(value, layout.value_start(name, here))[1]
            self.remove_lines(name.start_mark.index, end, here)

    def remove_lines(self, at: int, end: int, path: Path) -> None:
        """Remove the lines from a position to the end of its value; comments of a person stay."""
        layout = self.layout
        start, stop = layout.line_start(at), layout.line_end(end)
        column = at - start
        above = layout.comments_above(at)
        rendered = self.source.comments_of(path)
        if rendered and layout.comments_in(above, start)[-len(rendered) :] == rendered:
            for _ in rendered:
                start = layout.line_start(start - 1)
        comments = layout.comments_in(layout.line_start(at), stop)
        kept = [one for one in comments if one not in self.source.comments]
        text = "".join(f"{' ' * column}{one}{self.eol}" for one in kept)
        if stop == len(layout.text) and not layout.text.endswith("\n"):
            # The last line has no line break, and the new last line gets none, either.
            text = text.removesuffix(self.eol)
            if not text and start:
                start -= len(self.eol)
        self.splices.append((start, stop, text))

    def require_own_line(self, at: int, path: Path) -> None:
        """Raise MergeError unless an entry begins its line."""
        if not self.layout.starts_line(at):
            raise MergeError(format_key(path), "shares its line with another", FORM_FIX)

    def insert_entries(
        self,
        entries: dict[str, tuple[Any, Any]],
        kept: Sequence[str],
        want: dict[str, Any],
        path: Path,
    ) -> None:
        """Insert the entries that are new, each behind its predecessor."""
        layout = self.layout
        order = order_keys(kept, [*want], {**want, **dict.fromkeys(kept)})
        column = entries[kept[0]][0].start_mark.column
        on_dash = not layout.starts_line(entries[kept[0]][0].start_mark.index)
        before = ""
        for number, key in enumerate(order):
            if key in entries:
                before = key
                continue
            lines = self.source.write_entry((*path, key), want[key], column)
            anchor = before or next(one for one in order[number:] if one in entries)
            name, value = entries[anchor]
            if before or on_dash:
                after = layout.value_start(name, (*path, anchor))
                at = layout.line_end(layout.span(value, after)[1])
            else:
                at = layout.comments_above(name.start_mark.index)
            self.insert_lines(at, lines)

    def edit_list(self, node: Any, have: list[Any], want: list[Any], path: Path) -> None:
        """Change, remove and insert items of a list in block style."""
        layout = self.layout
        spans = layout.item_spans(node, path)
        pairs = dict(self.align(have, want, path))
        column = node.start_mark.column
        stays: dict[int, int] = {}
        for number, other in pairs.items():
            item, dash = node.value[number], spans[number]
            here = (*path, self.name_item(want[other], path, other))
            if not is_same(have[number], want[other]):
                if self.can_descend(item, have[number], want[other], here):
                    self.descend(item, have[number], want[other], here)
                elif not self.replace_scalar(item, want[other], dash, here):
                    continue
            stays[number] = other
        for number, (dash_at, _, end) in enumerate(spans):
            if number not in stays:
                layout.require_plain(node.value[number], path, below=True)
                self.require_own_line(dash_at, path)
                self.remove_lines(dash_at, end, ())
        numbers = {other: number for number, other in stays.items()}
        before = -1
        for other, value in enumerate(want):
            if other in numbers:
                before = numbers[other]
                continue
            lines = self.source.write_item(value, column)
            if before >= 0:
                at = layout.line_end(spans[before][2])
            else:
                following = next((numbers[n] for n in range(other, len(want)) if n in numbers), 0)
                self.require_own_line(spans[following][0], path)
                at = layout.comments_above(spans[following][0])
            self.insert_lines(at, lines)

    def replace_scalar(self, node: Any, want: Any, span: tuple[int, int, int], path: Path) -> bool:
        """Replace a scalar item in its line; return false if it must be removed and inserted."""
        lines = self.source.write_item(want, 0)
        plain = node.id == "scalar" and node.style not in ("|", ">")
        if not plain or len(lines) != 1 or isinstance(want, dict | list):
            return False
        self.layout.require_plain(node, path)
        _, start, end = span
        text = lines[0].removeprefix("- ")
        self.splices.append((start, end, text if end > start else f" {text}"))
        return True

    def name_item(self, item: Any, path: Path, number: int) -> Item:
        """Return the name of an item in a path: its identity, or its number."""
        field = self.identify(path)
        found = index_items([item], field) if field else None
        return next(iter(found)) if found else Item(number)
