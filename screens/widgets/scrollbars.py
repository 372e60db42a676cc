"""Scroll bars that show position and length without colour."""

from __future__ import annotations

from rich.color import Color
from rich.segment import Segment, Segments
from rich.style import Style
from textual.scrollbar import ScrollBarRender

_GREY = Color.parse("#555555")


class CharacterScrollBar(ScrollBarRender):
    """A scroll bar that draws its thumb as a character, not only as a colour."""

    @classmethod
    def render_bar(
        cls,
        size: int = 25,
        virtual_size: float = 50,
        window_size: float = 20,
        position: float = 0,
        thickness: int = 1,
        vertical: bool = True,
        back_color: Color = _GREY,
        bar_color: Color = _GREY,
    ) -> Segments:
        """Return the segments of the bar; a press above the thumb scrolls up, below it down."""
        start, end = cls.thumb(size, virtual_size, window_size, position)
        up, grab, down = (
            Style(color=bar_color, bgcolor=back_color, meta={"@mouse.down": action})
            for action in ("scroll_up", "grab", "scroll_down")
        )
        character = ("┃" if vertical else "━") * (thickness if vertical else 1)
        blank = " " * len(character)
        bar = [Segment(blank, up)] * start + [Segment(character, grab)] * (end - start)
        bar += [Segment(blank, down)] * (size - end)
        if vertical:
            return Segments(bar, new_lines=True)
        return Segments([*bar, Segment.line()] * thickness)

    @staticmethod
    def thumb(size: int, virtual: float, window: float, position: float) -> tuple[int, int]:
        """Return first cell and end of the thumb; it touches an end only at that end."""
        if not window or not size or virtual <= window:
            return 0, 0
        length = min(max(1, round(size * window / virtual)), max(1, size - 1))
        fraction = position / (virtual - window)
        start = round((size - length) * fraction)
        if 0 < fraction < 1 and size - length > 1:
            start = min(max(start, 1), size - length - 1)
        return start, min(start + length, size)
