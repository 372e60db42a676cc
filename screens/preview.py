"""The file that the focused question changes, with the changed lines marked and in view."""

from __future__ import annotations

from difflib import SequenceMatcher

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Static

from screens.draft import Draft
from screens.text import plain
from wizard.answers import dumped
from wizard.diff import visible
from wizard.fields import FieldSpec
from wizard.tree import File, Tree


class Lines(ScrollView, can_focus=False):
    """Lines of a file; only the visible ones are drawn. `>` stands before the marked ones."""

    COMPONENT_CLASSES = {"lines--marked"}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.marked: frozenset[int] = frozenset()

    def show(self, lines: list[str], marked: frozenset[int]) -> None:
        """Other lines, or other marks; the first marked line comes into view."""
        self.lines, self.marked = lines, marked
        self.virtual_size = Size(max((len(line) for line in lines), default=0) + 2, len(lines))
        if marked:
            first, height = min(marked), self.size.height
            if not self.scroll_offset.y <= first < self.scroll_offset.y + height - 1:
                self.scroll_to(x=0, y=max(0, first - height // 3), animate=False)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        number = y + self.scroll_offset.y
        if number >= len(self.lines):
            return Strip.blank(self.size.width, self.rich_style)
        here = number in self.marked
        style = self.get_component_rich_style("lines--marked") if here else self.rich_style
        text = ("> " if here else "  ") + self.lines[number]
        x = self.scroll_offset.x
        return Strip([Segment(text, style)]).crop_extend(x, x + self.size.width, style)


class Preview(Vertical):
    """One file of the rendering, named above its lines."""

    def __init__(self) -> None:
        super().__init__(id="preview")
        self.text = ""
        self.logical = ""

    def compose(self) -> ComposeResult:
        """Path, then lines."""
        yield Static(id="path")
        yield Lines()

    def follow(self, draft: Draft, item: FieldSpec | None) -> None:
        """Show the file of this question and mark the lines that it decides."""
        tree = _tree(draft)
        if tree is None or item is None:
            return
        file, marked = decided(draft, item, tree)
        self._show(file, marked)

    def update(self, draft: Draft) -> None:
        """The same file after a change of the answers, marking what changed.

        While the answers cannot be rendered, what was shown stays.
        """
        tree = _tree(draft)
        if tree is None:
            return
        file = _file(tree, self.logical)
        if file.text == self.text:
            return
        self._show(file, changed_lines(self.text, file.text) if self.text else frozenset())

    def _show(self, file: File, marked: frozenset[int]) -> None:
        if file.logical != self.logical:
            self.query_one("#path", Static).update(plain(file.path))
        self.text, self.logical = file.text, file.logical
        lines = [visible(line) for line in file.text.split("\n")]
        self.query_one(Lines).show(lines, marked)


def _tree(draft: Draft) -> Tree | None:
    return draft.rendering.tree if draft.rendering is not None else None


def _file(tree: Tree, logical: str) -> File:
    for name in (logical, "values"):
        try:
            return tree.by_logical(name)
        except KeyError:
            continue
    return next(iter(tree.values()))


def changed_lines(before: str, after: str) -> frozenset[int]:
    """Numbers, from 0, of the lines of `after` that `before` has not at that place."""
    old, new = before.split("\n"), after.split("\n")
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    found: set[int] = set()
    for tag, _, _, low, high in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag in {"replace", "insert"}:
            found.update(range(start + low, start + high))
    return frozenset(found)


def decided(draft: Draft, item: FieldSpec, tree: Tree) -> tuple[File, frozenset[int]]:
    """The question's file and the lines that another answer would change.

    Where that file is not written, or does not change, the first file that does.
    """
    wanted = _file(tree, item.ask.preview)
    for value in _others(item, draft.value(item)):
        other = _tree(draft.answered(item, value))
        if other is None or draft.answered(item, value).problems.keys() - draft.problems.keys():
            continue
        for file in (wanted, *tree.values()):
            if file.logical == "answers" and wanted.logical != "answers":
                continue
            marked = changed_lines(_text(other, file.path), file.text)
            if marked:
                return file, marked
    return wanted, frozenset()


def _text(tree: Tree, path: str) -> str:
    return tree[path].text if path in tree else ""


def _others(item: FieldSpec, value: object) -> list[object]:
    """A few other answers, to see what they would change."""
    if item.kind == "bool":
        return [value is not True]
    if item.kind == "choice":
        return [choice for choice in item.choices if choice != value]
    if item.kind == "int" and isinstance(value, int):
        return [value + 1, value - 1]
    if item.kind == "text" and isinstance(value, str):
        return [f"{value}x", f"{value}1", dumped(item.default)]
    if item.kind == "mapping" and isinstance(value, dict):
        return [{**value, "OTHER": "x"}, {}]
    return []
