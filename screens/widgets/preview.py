"""Preview of the file that the focused question changes, with the changed lines marked."""

from __future__ import annotations

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.draft.draft import Draft
from screens.widgets.fields import Line
from wizard.answers.files import dump_value
from wizard.answers.questions import FieldSpec
from wizard.formats.line_diff import compare_lines
from wizard.formats.terminal import escape_unprintable
from wizard.manifests.tree import File, Tree

_HEAD_WIDTH = 12


class Lines(ScrollView, can_focus=False):
    """Lines of a file; only visible lines are drawn. `>` precedes marked lines."""

    COMPONENT_CLASSES = {"lines--marked"}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.marked: frozenset[int] = frozenset()
        self.column = 0

    def show(self, lines: list[str], marked: frozenset[int], column: int = 0) -> None:
        """Replace the lines and marks, and scroll to `column` of the first marked line."""
        self.lines, self.marked, self.column = lines, marked, column
        widest = max((len(line) for line in lines), default=0) + 2
        # In steps of 80: every new virtual size triggers a layout of the whole screen.
        self.virtual_size = Size(-(-widest // 80) * 80, len(lines))
        self._reveal()
        self.refresh()

    def on_resize(self) -> None:
        """Scroll to the marked line; before the first resize there is no window."""
        self._reveal()

    def _reveal(self) -> None:
        height, y = self.size.height, self.scroll_offset.y
        if not self.marked or not height:
            return
        first = min(self.marked)
        if not y <= first < y + height - 1:
            y = max(0, first - height // 3)
        # With force: there is no scroll bar yet when the first file is shown.
        self.scroll_to(x=0, y=y, animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        """Return one line of the window."""
        number = y + self.scroll_offset.y
        if number >= len(self.lines):
            return Strip.blank(self.size.width, self.rich_style)
        is_marked = number in self.marked
        style = self.get_component_rich_style("lines--marked") if is_marked else self.rich_style
        text = ("> " if is_marked else "  ") + self._visible_text(number)
        x = self.scroll_offset.x
        return Strip([Segment(text, style)]).crop_extend(x, x + self.size.width, style)

    def _visible_text(self, number: int) -> str:
        """Return a line; a long first marked line is cut to its start and the changed part."""
        text, width = self.lines[number], self.size.width - 2
        if number not in self.marked or number != min(self.marked) or len(text) <= width:
            return text
        head = len(text) - len(text.lstrip()) + _HEAD_WIDTH
        start = self.column - (width - head) * 3 // 4
        return text if start <= head else f"{text[:head]}…{text[start:]}"


class Preview(Vertical):
    """One rendered file with its path above."""

    def __init__(self) -> None:
        super().__init__(id="preview")
        self.path = ""
        self.text = ""
        self.logical = ""

    def compose(self) -> ComposeResult:
        """Yield the path, then the lines."""
        yield Line(id="path")
        yield Lines()

    def on_resize(self) -> None:
        """Shorten the path to the new width."""
        self._show_path()

    def _show_path(self) -> None:
        # Cut the start of the path: the end has the file's name.
        room = max(2, self.size.width - 2)
        is_short = len(self.path) <= room
        self.query_one("#path", Line).put(self.path if is_short else f"…{self.path[1 - room :]}")

    def follow(self, draft: Draft, item: FieldSpec | None) -> None:
        """Show the file of this question and mark the lines that it affects."""
        tree = _tree(draft)
        if tree is None or item is None:
            return
        file, other, marked = find_affected_file(draft, item, tree)
        self._show(file, other, marked)

    def update(self, draft: Draft) -> None:
        """Show the same file after the answers changed, and mark the changed lines.

        While the answers cannot be rendered, the old text stays.
        """
        tree = _tree(draft)
        if tree is None:
            return
        file = _file(tree, self.logical)
        if file.text == self.text:
            return
        before = self.text if file.logical == self.logical else file.text
        self._show(file, before, changed_lines(before, file.text))

    def _show(self, file: File, other: str, marked: frozenset[int]) -> None:
        self.path = file.path
        self._show_path()
        self.text, self.logical = file.text, file.logical
        lines = [escape_unprintable(line) for line in file.text.split("\n")]
        self.query_one(Lines).show(lines, marked, _difference_column(other, file.text))


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
    """Return the numbers, from 0, of the lines of `after` that are new or changed."""
    old, new = before.split("\n"), after.split("\n")
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    numbers: set[int] = set()
    for tag, _, _, low, high in compare_lines(old, new):
        if tag in {"replace", "insert"}:
            numbers.update(range(start + low, start + high))
    return frozenset(numbers)


def _difference_column(before: str, after: str) -> int:
    """Return the column of the first difference of two texts."""
    pairs = enumerate(zip(before, after, strict=False))
    start = next((at for at, (one, other) in pairs if one != other), 0)
    return start - after.rfind("\n", 0, start) - 1


def find_affected_file(
    draft: Draft, item: FieldSpec, tree: Tree
) -> tuple[File, str, frozenset[int]]:
    """Return the question's file, its text with a different answer, and the lines that change.

    If that file is not written or does not change, return the first file that changes.
    """
    wanted = _file(tree, item.ask.preview)
    for value in _alternative_values(item, draft.value(item)):
        other = _tree(draft.with_answer(item, value))
        if other is None or draft.with_answer(item, value).problems.keys() - draft.problems.keys():
            continue
        for file in (wanted, *tree.values()):
            if file.logical == "answers" and wanted.logical != "answers":
                continue
            text = other[file.path].text if file.path in other else ""
            marked = changed_lines(text, file.text)
            if marked:
                return file, text, marked
    return wanted, wanted.text, frozenset()


def _alternative_values(item: FieldSpec, value: object) -> list[object]:
    """Return a few different answers, to find the lines that they would change."""
    if item.kind == "bool":
        return [value is not True]
    if item.kind == "choice":
        return [choice for choice in item.choices if choice != value]
    if item.kind == "int" and isinstance(value, int):
        return [value + 1, value - 1]
    if item.kind == "text" and isinstance(value, str):
        return [f"{value}x", f"{value}1", dump_value(item.default)]
    if item.kind == "mapping" and isinstance(value, dict):
        return [{**value, "OTHER": "x"}, {}]
    return []
